"""Codes of languages: what crawls say by three letters (ISO 639-3), as BCP 47 writes it, by two where there are two."""

from __future__ import annotations

from collections.abc import Iterable

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
_SHORT = {pair[2:]: pair[:2] for pair in _PAIRS.split()}


def tag(code: str) -> str:
    """Return a language as BCP 47 writes it, without script and region.

    >>> tag("deu"), tag("DE-at"), tag("ceb")
    ('de', 'de', 'ceb')
    """
    main = code.strip().lower().replace("_", "-").partition("-")[0]
    return _SHORT.get(main, main)


def tags(codes: str | Iterable[str]) -> list[str]:
    """Return the languages of a list, or of one with commas as `WARC-Identified-Content-Language` has, each once."""
    parts = codes.split(",") if isinstance(codes, str) else codes
    return list(dict.fromkeys(found for part in parts if (found := tag(part))))
