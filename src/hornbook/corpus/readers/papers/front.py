"""What papers tell of themselves, in the forms that all readers of papers share: licences, dates, languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hornbook.corpus.readers.papers.words import words

_COMMONS = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)", re.IGNORECASE)
_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero/1\.0", re.IGNORECASE)
# ISO 639-2 of libraries -> BCP 47, for the languages that most papers are in.
_LANGUAGES = dict(
    pair.split(":")
    for pair in words("""
    eng:en fre:fr fra:fr ger:de deu:de spa:es ita:it por:pt rus:ru jpn:ja chi:zh zho:zh pol:pl kor:ko dut:nl
    nld:nl cze:cs ces:cs hun:hu swe:sv dan:da nor:no fin:fi tur:tr ukr:uk heb:he ara:ar gre:el ell:el rum:ro
    ron:ro bul:bg hrv:hr srp:sr slo:sk slk:sk slv:sl per:fa fas:fa tha:th vie:vi ind:id cat:ca lit:lt est:et
""")
)
_MONTHS = {name: number for number, name in enumerate(
    words("jan feb mar apr may jun jul aug sep oct nov dec"), start=1)}  # fmt: skip


def license_of(address: str) -> str:
    """Return a licence by its SPDX name, where an address of Creative Commons stands in it; else as it is told."""
    if _ZERO.search(address):
        return "CC0-1.0"
    if found := _COMMONS.search(address):
        return f"CC-{found[1].upper()}-{found[2]}"
    return " ".join(address.split())


def date_of(year: str, month: str = "", day: str = "") -> str:
    """Return a date of ISO 8601, as exact as it is known; "" without a year."""
    if not re.fullmatch(r"\d{4}", year.strip()):
        return ""
    number = _MONTHS.get(month.strip().lower()[:3]) or (int(month) if month.strip().isdigit() else 0)
    if not 1 <= number <= 12:
        return year.strip()
    date = f"{year.strip()}-{number:02}"
    return f"{date}-{int(day):02}" if day.strip().isdigit() and 1 <= int(day) <= 31 else date


def language_of(code: str) -> str:
    """Return a language as BCP 47 has it; "" for what names none."""
    code = code.strip().lower()
    return _LANGUAGES.get(code, code if re.fullmatch(r"[a-z]{2}(-\w+)?", code) else "")


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that are known."""
    return {name: value for name, value in facts.items() if value}
