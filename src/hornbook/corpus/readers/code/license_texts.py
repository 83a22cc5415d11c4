"""The text of a licence -> its SPDX identifier, by a few of the words that only this licence has.

A text is taken as lower-case words with one blank between them, so that layout, marks and years do not matter. No text of
a licence is kept here: a licence is known by short phrases, of which all must be there and of others none.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class _Words(NamedTuple):
    """What tells a licence."""

    name: str
    all_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()


_GRANTED = "permission is hereby granted free of charge to any person obtaining a copy of this software and associated"
_KEPT = "permission notice shall be included in all copies or substantial portions"
_BSD = "redistribution and use in source and binary forms with or without modification are permitted"
_NAMES = "may be used to endorse or promote products derived from this"
_ADVERTISING = "all advertising materials mentioning features or use"
_ANY_PURPOSE = "software for any purpose with or without fee is hereby granted"
_NOTICE_APPEARS = "provided that the above copyright notice and this permission notice appear in all copies"
_CC = "creative commons"
_LATER = "or at your option any later version"
_UNDER = "under the terms of the gnu"

_TEXTS = (
    _Words("JSON", (_GRANTED, "shall be used for good not evil")),
    _Words("X11", (_GRANTED, _KEPT, "except as contained in this notice the name"), ("furnished to do so subject to the following conditions 1",)),
    _Words("NCSA", (_GRANTED, "to deal with the software without restriction", "redistributions of source code must retain")),
    _Words("MIT", (_GRANTED, _KEPT), ("except as contained in this notice", "for good not evil")),
    _Words("MIT-0", (_GRANTED, "the software is provided as is"), ("shall be included in all copies", "redistributions of source")),
    _Words("BSD-4-Clause", (_BSD, _ADVERTISING, "neither the name"), ("openssl", "apache")),
    _Words("OpenSSL", (_BSD, _ADVERTISING, "openssl toolkit")),
    _Words("Apache-1.1", (_BSD, "the end user documentation included with the redistribution", "apache"), ("openssl",)),
    _Words("BSD-3-Clause-Clear", (_BSD, "no express or implied licenses to any party s patent rights")),
    _Words("BSD-3-Clause", (_BSD, _NAMES), (_ADVERTISING, "no express or implied licenses to any", "the end user documentation included", "openssl toolkit")),
    _Words("BSD-2-Clause", (_BSD, "redistributions of source code must retain"), (_NAMES, "the name of the author may not be used", _ADVERTISING, "zope", "beer")),
    _Words("ZPL-2.1", (_BSD.replace(" are permitted", ""), "zope public license", "version 2 1")),
    _Words("curl", (_ANY_PURPOSE, _NOTICE_APPEARS, "except as contained in this notice")),
    _Words("ISC", (_ANY_PURPOSE, _NOTICE_APPEARS), ("except as contained in this notice",)),
    _Words("0BSD", (_ANY_PURPOSE, "the software is provided as is"), ("provided that the above",)),
    _Words("HPND", ("software and its documentation for any purpose and without fee is hereby granted", "appear in all copies"), ("python software foundation", "beopen")),
    _Words("Zlib", ("in no event will the authors be held liable for any damages arising from the use of this software", "altered source versions must be plainly marked as such"), ("libpng", "png reference library")),
    _Words("libpng-2.0", ("png reference library", "altered source versions must be plainly marked")),
    _Words("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    _Words("WTFPL", ("do what the fuck you want to public license",)),
    _Words("Beerware", ("the beer ware license",)),
    _Words("CC0-1.0", ("cc0 1 0 universal",)),
    _Words("BSL-1.0", ("boost software license version 1 0",)),
    _Words("PostgreSQL", ("without a written agreement is hereby granted", "in no event shall", "no obligations to provide maintenance support"), ("beopen",)),
    _Words("Python-2.0", ("python software foundation license version 2",)),
    _Words("Apache-2.0", ("apache license", "version 2 0 january 2004", "grant of patent license"), ("llvm exceptions to the apache",)),
    _Words("Apache-2.0 WITH LLVM-exception", ("version 2 0 january 2004", "llvm exceptions to the apache")),
    _Words("AGPL-3.0-only", ("gnu affero general public license version 3 19 november 2007",)),
    _Words("GPL-1.0-only", ("gnu general public license version 1 february 1989",)),
    _Words("GPL-2.0-only", ("gnu general public license version 2 june 1991",)),
    _Words("GPL-3.0-only", ("gnu general public license version 3 29 june 2007", "terms and conditions 0 definitions")),
    _Words("LGPL-2.0-only", ("gnu library general public license version 2 june 1991",)),
    _Words("LGPL-2.1-only", ("gnu lesser general public license version 2 1 february 1999",)),
    _Words("LGPL-3.0-only", ("gnu lesser general public license version 3 29 june 2007",)),
    _Words("GFDL-1.3-only", ("gnu free documentation license version 1 3",)),
    _Words("MPL-1.1", ("mozilla public license version 1 1", "initial developer"), ("common development and distribution",)),
    _Words("MPL-2.0", ("mozilla public license version 2 0", "covered software")),
    _Words("EPL-1.0", ("eclipse public license v 1 0",)),
    _Words("EPL-2.0", ("eclipse public license v 2 0", "secondary license")),
    _Words("EUPL-1.1", ("european union public licence", "v 1 1"), ("v 1 2",)),
    _Words("EUPL-1.2", ("european union public licence", "v 1 2")),
    _Words("CDDL-1.0", ("common development and distribution license", "version 1 0"), ("version 1 1",)),
    _Words("CDDL-1.1", ("common development and distribution license", "version 1 1")),
    _Words("CPL-1.0", ("common public license version 1 0",)),
    _Words("Artistic-2.0", ("the artistic license 2 0",)),
    _Words("Artistic-1.0", ("the artistic license", "standard version", "freely available"), ("2 0",)),
    _Words("OFL-1.1", ("sil open font license version 1 1",)),
    _Words("AFL-3.0", ("academic free license", "version 3 0")),
    _Words("OSL-3.0", ("open software license", "version 3 0")),
    _Words("MS-PL", ("microsoft public license", "ms pl")),
    _Words("MS-RL", ("microsoft reciprocal license",)),
    _Words("UPL-1.0", ("universal permissive license", "larger works")),
    _Words("MulanPSL-2.0", ("mulan permissive software license version 2",)),
    _Words("BlueOak-1.0.0", ("blue oak model license", "version 1 0 0")),
    _Words("Vim", ("vim license", "modified copies of vim")),
    _Words("LPPL-1.3c", ("latex project public license", "version 1 3c")),
    _Words("CECILL-2.1", ("cecill", "version 2 1")),
    _Words("Unicode-3.0", ("unicode license v3",)),
    _Words("ECL-2.0", ("educational community license version 2 0",)),
    _Words("ODbL-1.0", ("open database license", "odc open database license")),
    _Words("BUSL-1.1", ("business source license 1 1",)),
    _Words("SSPL-1.0", ("server side public license", "version 1")),
    _Words("Elastic-2.0", ("elastic license 2 0",)),
    _Words("PolyForm-Noncommercial-1.0.0", ("polyform noncommercial license 1 0 0",)),
    _Words("LicenseRef-Commons-Clause", ("commons clause license condition",)),
    *(
        _Words(f"CC-{short}-{version}.0", (_CC, f"{words} {version} 0"), others)
        for version in (2, 3, 4)
        for short, words, others in (
            ("BY-NC-SA", "attribution noncommercial sharealike", ()),
            ("BY-NC-ND", "attribution noncommercial noderivatives", ()),
            ("BY-NC-ND", "attribution noncommercial noderivs", ()),
            ("BY-NC", "attribution noncommercial", ()),
            ("BY-ND", "attribution noderivatives", ()),
            ("BY-ND", "attribution noderivs", ()),
            ("BY-SA", "attribution sharealike", ()),
            ("BY", "attribution", ("sharealike", "noncommercial", "noderivatives", "noderivs")),
        )
    ),
)  # fmt: skip
# Notices that stand for a text, as at the head of files; looked for where no whole text is found.
_NOTICES = (
    _Words("Apache-2.0", ("licensed under the apache license version 2 0",)),
    *(
        _Words(f"{short}-{version.replace(' ', '.')}{dot}-or-later", (f"{_UNDER} {long} public license", f"version {version} of the license", _LATER))
        for short, long in (("GPL", "general"), ("LGPL", "lesser general"), ("LGPL", "library general"), ("AGPL", "affero general"))
        for version, dot in (("1", ".0"), ("2", ".0"), ("2 1", ""), ("3", ".0"))
    ),
    _Words("MPL-2.0", ("this source code form is subject to the terms of the mozilla public license v 2 0",)),
    _Words("BSL-1.0", ("distributed under the boost software license version 1 0",)),
    _Words("CC0-1.0", ("creativecommons org publicdomain zero 1 0",)),
    *(
        _Words(f"CC-{short.upper()}-{version}.0", (f"creativecommons org licenses {short.replace('-', ' ')} {version} 0",))
        for version in (2, 3, 4)
        for short in ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
    ),
)  # fmt: skip
_LONGEST = 200_000  # characters of a text that are looked at
_STATED = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+()-]+(?: (?:AND|OR|WITH|and|or|with) [\w.+()-]+)*)")
_WORD = re.compile(r"[a-z0-9]+")


def words_of(text: str) -> str:
    """Return a text as lower-case words with a blank around each."""
    return f" {' '.join(_WORD.findall(text[:_LONGEST].lower()))} "


def stated(text: str) -> str:
    """Return the SPDX expression behind `SPDX-License-Identifier:`, "" where there is none.

    >>> stated("// SPDX-License-Identifier: MIT OR Apache-2.0")
    'MIT OR Apache-2.0'
    """
    found = _STATED.search(text) if "SPDX-License-Identifier" in text else None
    return found[1].rstrip(".") if found and found[1].count("(") == found[1].count(")") else ""


def license_of(text: str) -> str:
    """Return the SPDX identifier of the text of a licence, several joined by AND, "" where it is not known.

    The GNU licences do not say in their text whether later versions may be taken: of these alone it is "-only".
    """
    if expression := stated(text):
        return expression
    words = words_of(text)
    for told in (_TEXTS, _NOTICES):
        found = [item.name for item in told if _is(item, words)]
        if "Python-2.0" in found:  # its text holds those of Python's earlier owners
            return "Python-2.0"
        if found:
            return " AND ".join(dict.fromkeys(found))
    return ""


def _is(told: _Words, words: str) -> bool:
    return all(f" {phrase} " in words for phrase in told.all_of) and not any(
        f" {phrase} " in words for phrase in told.none_of
    )
