"""What sources tell of a text, in the forms of all readers: licence (SPDX), language (BCP 47), date (ISO 8601)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_COMMONS = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)", re.IGNORECASE)
_DOMAIN = re.compile(r"creativecommons\.org/publicdomain/(zero|mark)/(\d\.\d)", re.IGNORECASE)
_NAMED = re.compile(r"CC[ -](BY(?:-NC)?(?:-ND|-SA)?)[ -](\d\.\d)|CC0[ -](\d\.\d)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*", re.IGNORECASE)
_NO_LANGUAGE = ("und", "mul", "mis", "zxx")  # undetermined, several, without a code, none
# Two letters and three of each language that has both (ISO 639-1 and 639-3).
_PAIRS = """
    aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bibis bmbam bnben bobod
    brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng eoepo
    esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin
    hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat
    kgkon kikik kjkua kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin
    lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde nenep ngndo
    nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor quque rmroh rnrun
    roron rurus rwkin sasan scsrd sdsnd sesme sgsag shhbs sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot
    susun svswe swswa tatam tetel tgtgk ththa titir tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr
    ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor zazha zhzho zuzul
"""
# Other codes of three letters, which libraries use (ISO 639-2/B).
_LIBRARY = """
    sqalb hyarm eubaq mybur zhchi cscze nldut frfre kageo deger elgre isice mkmac mimao msmay faper rorum skslo botib
    cywel
"""
_SHORT = {pair[2:]: pair[:2] for pair in f"{_PAIRS} {_LIBRARY}".split()}
CODES = frozenset(_SHORT) | frozenset(_SHORT.values())
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?)?)?")


def known(**facts: Any) -> dict[str, Any]:
    """Return the facts that are known: neither None nor empty; 0 and False are known."""
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def spdx(told: str) -> str:
    """Return the SPDX identifier of a licence of Creative Commons by its address or its short name; else what is told.

    >>> spdx("https://creativecommons.org/licenses/by-sa/4.0/deed.de"), spdx("CC BY-SA 4.0"), spdx("https://a.org/terms")
    ('CC-BY-SA-4.0', 'CC-BY-SA-4.0', 'https://a.org/terms')
    """
    told = " ".join(told.split())
    if found := _COMMONS.search(told):
        return f"CC-{found[1].upper()}-{found[2]}"
    if found := _DOMAIN.search(told):
        # The public domain mark has no identifier: it states that there is no right, and is no licence.
        return f"CC0-{found[2]}" if found[1].lower() == "zero" else f"CC-PDM-{found[2]}"
    if found := _NAMED.fullmatch(told):
        return f"CC-{found[1].upper()}-{found[2]}" if found[1] else f"CC0-{found[3]}"
    return told


def language(code: str) -> str:
    """Return a code of a language as BCP 47 writes it, "" for what names none.

    >>> language("ger"), language("en_us"), language("zh-hant"), language("ceb"), language("und"), language("German")
    ('de', 'en-US', 'zh-Hant', 'ceb', '', '')
    """
    code = code.strip().replace("_", "-")
    main, *rest = code.lower().split("-")
    if not _LANGUAGE.fullmatch(code) or main in _NO_LANGUAGE:
        return ""
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest]
    return "-".join([_SHORT.get(main, main), *cased])


def main_language(code: str) -> str:
    """Return a language without script and region, as crawls tell it.

    >>> main_language("deu"), main_language("DE-at"), main_language("ceb")
    ('de', 'de', 'ceb')
    """
    return language(code).partition("-")[0]


def iso_date(text: str) -> str:
    """Return a date or a moment that is written as ISO 8601 has it, "" for another one.

    >>> iso_date("2010-07-09T19:05:36.447"), iso_date("1994-03"), iso_date("1994-13-01"), iso_date("July 1994")
    ('2010-07-09T19:05:36.447', '1994-03', '', '')
    """
    text = text.strip()
    if not _DATE.fullmatch(text):
        return ""
    try:
        datetime.fromisoformat(f"{text}-01-01"[:10] if len(text) < 10 else text)
    except ValueError:
        return ""
    return text


def date_of(year: str, month: str = "", day: str = "") -> str:
    """Return a date as exact as it is known, "" without a year; a month is a number or its English name.

    >>> date_of("2008", "June", "7"), date_of("1994", "3"), date_of("1994", "Winter"), date_of("soon")
    ('2008-06-07', '1994-03', '1994', '')
    """
    year, month, day = year.strip(), month.strip().lower(), day.strip()
    if month[:3] in _MONTHS:
        month = str(_MONTHS.index(month[:3]) + 1)
    exact = iso_date(f"{year}-{month.zfill(2)}-{day.zfill(2)}"), iso_date(f"{year}-{month.zfill(2)}"), iso_date(year)
    return next(filter(None, exact), "")
