"""What is known of posts beside their text: the site, its language, the licence, tags, dates, scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

# The names under which the network's sites are published: an archive or a folder, `stackoverflow.com-Posts.7z` too.
_SITE = re.compile(
    r"(?:[a-z0-9-]+\.)*(?:stackexchange|stackoverflow|serverfault|superuser|askubuntu|stackapps|mathoverflow)\.(?:com|net)"
    r"(?=$|[-_.])"
)
# Sites that are held in one language other than English. (Those about a language, as german., mix it with English.)
_LANGUAGES = {
    "es.stackoverflow.com": "es", "ja.stackoverflow.com": "ja", "pt.stackoverflow.com": "pt",
    "ru.stackoverflow.com": "ru", "rus.stackexchange.com": "ru",
}  # fmt: skip
# What stands above an answer, in the words of the sites themselves.
_HEADINGS = {"": "Answer", "es": "Respuesta", "ja": "回答", "pt": "Resposta", "ru": "Ответ"}
# The day from which on contributions are under a licence, the last first; an edited post has the licence of its last
# edit (https://stackoverflow.com/help/licensing, https://meta.stackexchange.com/questions/347758).
_LICENSES = (("2018-05-02", "CC-BY-SA-4.0"), ("2011-04-08", "CC-BY-SA-3.0"), ("", "CC-BY-SA-2.5"))
_TAG = re.compile(r"[^<>|]+")


def site_of(name: str) -> str:
    """Return the site that a path names, the innermost folder or archive first; "" where it names none."""
    for part in reversed(name.replace("\\", "/").lower().split("/")):
        if found := _SITE.match(part):
            return found[0]
    return ""


def language_of(site: str) -> str:
    """Return the language (BCP 47) in which a site is held, "" where that is not certain."""
    return _LANGUAGES.get(re.sub(r"\bmeta\.", "", site), "")


def heading_of(language: str) -> str:
    """Return the line above an answer."""
    return _HEADINGS[language]


def license_of(stated: str, date: str) -> str:
    """Return the licence of a post as an SPDX id: as stated, else by the day of its last version; "" if unknown.

    >>> license_of("CC BY-SA 4.0", ""), license_of("", "2011-04-07T23:59:59.997")
    ('CC-BY-SA-4.0', 'CC-BY-SA-2.5')
    """
    if stated:
        return stated.strip().replace(" ", "-")
    return next(name for first, name in _LICENSES if date >= first) if date else ""


def tags_of(value: str) -> list[str]:
    """Return the tags of both published forms.

    >>> tags_of("<c#><.net-core>"), tags_of("|c#|.net-core|")
    (['c#', '.net-core'], ['c#', '.net-core'])
    """
    return _TAG.findall(value)


def date_of(value: str) -> str:
    """Return a date of a dump if it is one, such as 2010-07-09T19:05:36.447, else ""."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return ""
    return value


def number_of(row: Mapping[str, str], name: str) -> int:
    """Return a whole number above 0 of a row, 0 where it has none."""
    value = row.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 18 else 0
