"""Numbers, amounts and dates as templates write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hornbook.corpus.readers.files.prose import raised
from hornbook.corpus.readers.wiki.page import GONE, Page
from hornbook.corpus.readers.wiki.standing import UNITS

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_BETWEEN = {
    "-": "–", "–": "–", "to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "×": " × ", "*": " × ",
    "to(-)": " to ", "and(-)": " and ", "±": " ± ", "+/-": " ± ", "+": " + ", "to about": " to about ", "/": "/",
    "xx": " × ",
    "till": " till ", "a": " a ", "et": " et ", "e": " e ", "y": " y ", "à": " à ", "bis": " bis ",
}  # fmt: skip


def fraction(arguments: Mapping[str, str]) -> str:
    """Return {{frac|whole|numerator|denominator}}; one part is 1 above it, two are no whole."""
    parts = [arguments[name] for name in ("1", "2", "3") if arguments.get(name)]
    if len(parts) == 3:
        return f"{parts[0]} {parts[1]}/{parts[2]}"
    return "/".join(parts) if len(parts) == 2 else f"1/{parts[0]}" if parts else ""


def value(arguments: Mapping[str, str]) -> str:
    """Return {{val|number|uncertainty|e=exponent|u=unit}}."""
    parts = [arguments[name] for name in ("1", "2") if arguments.get(name)]
    shown = "±".join(parts)
    if exponent := arguments.get("e"):
        shown += f"×10{raised(exponent.strip())}"
    unit = arguments.get("u") or arguments.get("ul") or ""
    return f"{shown} {unit}".strip()


def amount(arguments: Mapping[str, str], page: Page) -> str:
    """Return {{convert|5|to|10|km|mi}} as given: the numbers and their unit, without what they are converted to."""
    parts = [arguments[str(number)] for number in range(1, 9) if str(number) in arguments]
    shown = ""
    place = 0
    while place < len(parts):
        number, between = parts[place], parts[place + 1] if place + 1 < len(parts) else ""
        shown += number.strip(GONE)
        place += 2
        if between.lower() in _BETWEEN and place < len(parts):
            shown += _BETWEEN[between.lower()]
            continue
        unit = UNITS.get(between.lower(), between) if between else ""
        shown += f" {unit}" if unit else ""
        following = parts[place] if place < len(parts) else ""
        if not (following.isdigit() and place + 1 < len(parts) and parts[place + 1].isalpha()):
            break
        shown += " "
    return shown.strip()


def date(arguments: Mapping[str, str] | Sequence[str], page: Page) -> str:
    """Return a date of year, month and day, or of words: {{birth date|1960|5|4|df=y}}, {{date|4 May 1960}}."""
    if isinstance(arguments, Mapping):
        parts = [arguments[str(number)].strip() for number in range(1, 7) if arguments.get(str(number), "").strip()]
        day_first = (arguments.get("df") or "no")[0] in "y1t"
    else:
        parts, day_first = [part.strip() for part in arguments], False
    given = parts[:3]
    if not given or not given[0].isdigit() or len(given[0]) < 3:
        return " ".join(given)  # day, month and year, or words
    month = int(given[1]) if len(given) > 1 and given[1].isdecimal() else 0
    if not 0 < month < 13:
        return " ".join(reversed(given))
    if page.site.language not in ("", "en", "simple"):
        return "-".join([given[0], *(part.zfill(2) for part in given[1:])])
    name, day = _MONTHS[month - 1], given[2].lstrip("0") if len(given) > 2 else ""
    if not day:
        return f"{name} {given[0]}"
    return f"{day} {name} {given[0]}" if day_first else f"{name} {day}, {given[0]}"
