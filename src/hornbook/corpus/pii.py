"""Personal data in text: found by form, verified by checksum where there is one, replaced, dropped or only counted.

    email        an address with a domain
    phone        an international number (+ or 00), a North American one, one with a trunk 0, or digits after a word
                 such as "call" or "phone"; dates, ISBNs and serial numbers are none
    ip           an IPv4 or IPv6 address of the public internet; a version such as 1.2.3.4 is none
    card         a payment card: 12 to 19 digits of a known issuer's range whose Luhn check digit is right
    iban         a bank account: the country's length, and 1 modulo 97 (ISO 13616)
    credential   user:password@ in a URL, private keys, and the keys of some services, by their published prefixes

Names and postal addresses have no form that rules could know; they are left alone, unless `presidio` is asked for them.
Every pattern is bounded, so the time is linear in the length of the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hornbook.corpus import presidio
from hornbook.corpus.step import Page, Verdicts
from hornbook.errors import UserError

Span = tuple[int, int, str]  # first character, character after the last, kind

_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-]|\.\w)", re.UNICODE
)
_CARD = re.compile(r"(?<![\w.,/-])\d(?:[ -]?\d){11,18}(?![\w/-]|[.,]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.,:/=#-])\+?\(?\+?\d[\d ().\-/]{5,20}\d(?: ?(?:x|ext\.?) ?\d{1,6})?(?!\w|-\d)", re.IGNORECASE
)
_CREDENTIAL = re.compile(
    r"(?<=://)[^\s/:@]{1,64}:[^\s/@]{1,128}(?=@)"
    r"|-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----[\w+/=\s]{0,20000}(?:-----END [A-Z ]{0,60}-----)?"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bxox[abprs]-[A-Za-z0-9-]{10,72}\b"
    r"|\bAIza[\w-]{35}\b|\bsk-[A-Za-z0-9_-]{20,200}\b"
)

# Lengths of IBANs by country (the registry of ISO 13616).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
        26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC",
    }.items()
    for country in countries.split()
}  # fmt: skip
# First digits and lengths of the issuers' ranges: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay
# and Maestro.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:2131|1800)\d{11}|(?:50|5[6-9]|6\d)\d{10,17}"
)
_DATE = re.compile(
    r"(?:(?:1[89]|20)\d\d([-./ ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./ ])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:1[89]|20)\d\d|\d\d))(?:[ -].*)?"
)
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d(?: ?[-/–] ?(?:1[5-9]|20)?\d\d)?[ .]*(?:(?:1[5-9]|20)\d\d)?")
_NORTH_AMERICAN = re.compile(r"(?:(?:\+|00)?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_LOCAL = re.compile(r"\(?0\d{1,4}\)?(?:[ ./-]\d{2,8}){1,4}|\(\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}")
_CALL = re.compile(
    r"(?<![^\W_])(?:tele)?(?:phone|fon|tel|fax|mobile|cell|call|dial|text|sms|whatsapp|contact|ring|reach)", re.I
)
_LINE = re.compile(r" \(?(?:office|home|mobile|cell|fax|work)\b", re.I)
_NO_PHONE = re.compile(r"(?:isbn|issn|doi|order|invoice|account|serial|id|no|nr|version|card|ssn)[\s.:#-]{0,3}$", re.I)
_VERSION = re.compile(r"(?:version|release|ver|build|upgrade|update|firmware|[a-z]\b[ -]v|\bv)[\s.:=]{0,3}$", re.I)
_ADDRESS = re.compile(
    r"(?:\bip(?:v4)?|address|host|server|ping|from|dns|gateway)\W{0,4}(?:is |was |at |address )?\W{0,3}$", re.I
)


def luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (Luhn 1960; ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def iban(account: str) -> bool:
    """Return whether an account number without blanks has its country's length and is 1 modulo 97."""
    if len(account) != _IBAN_LENGTHS.get(account[:2]):
        return False
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        for found in _EMAIL.finditer(text):
            local = found.group().split("@", 1)[0]
            if not local.startswith(".") and ".." not in local:
                yield found.span()


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        if _ISSUERS.fullmatch(digits) and luhn(digits):
            yield found.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in _IBAN.finditer(text):
        written = found.group()
        length = _IBAN_LENGTHS.get(written[:2].upper(), 0)
        # The pattern may have run on into the words that follow.
        places = [place for place, character in enumerate(written) if character != " "]
        if not length or len(places) < length:
            continue
        end = places[length - 1] + 1
        if len(places) > length and places[length] == end:
            continue
        if not text[found.start() + end : found.start() + end + 1].isalnum() and iban(
            written[:end].replace(" ", "").upper()
        ):
            yield found.start(), found.start() + end


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for found in _IPV4.finditer(text):
        parts = found.group().split(".")
        if any(len(part) > 1 and part[0] == "0" for part in parts) or not _public(found.group()):
            continue
        before = text[max(found.start() - 24, 0) : found.start()]
        # Of the public addresses 1 in 27,000 has four numbers below 20; of the versions of programs nearly all do.
        small = all(int(part) < 20 for part in parts)
        if not _VERSION.search(before) and (not small or _ADDRESS.search(before)):
            yield found.span()
    if "::" in text or text.count(":") > 6:
        for found in _IPV6.finditer(text):
            groups = found.group().split(":")
            # `a::b` is how some languages name things; an address has a long group, and a digit.
            long = max(map(len, groups)) >= 3 and any(map(str.isdigit, found.group()))
            if long and _public(found.group()):
                yield found.span()


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for found in _PHONE.finditer(text):
        written, start = found.group(), found.start()
        if written.startswith("(") and ")" not in written:  # the bracket is around it, not a part of it
            written, start = written[1:], start + 1
        if _is_phone(written, text[max(start - 28, 0) : start], text[found.end() : found.end() + 10]):
            yield start, found.end()


def _is_phone(written: str, before: str, after: str) -> bool:
    main = re.split(r" ?(?:x|ext)", written, maxsplit=1, flags=re.IGNORECASE)[0]
    digits = re.sub(r"\D", "", main)
    if not 7 <= len(digits) <= 15 or _NO_PHONE.search(before) or len(set(digits)) < 3:
        return False
    if main.startswith(("+", "(+")) or (main.startswith("00") and len(digits) >= 10):
        return len(digits) >= 8
    if _DATE.fullmatch(main) or _YEARS.fullmatch(main) or main.count("(") != main.count(")"):
        return False
    if _NORTH_AMERICAN.fullmatch(main):
        return True
    if _LOCAL.fullmatch(main) and 8 <= len(digits) <= 12:
        return True
    return len(written) > len(main) or _CALL.search(before) is not None or _LINE.match(after) is not None


def _credentials(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _CREDENTIAL.finditer(text))


# In this order: of two that overlap the earlier kind counts.
_FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "credential": _credentials,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
    "phone": _phones,
}
_NEEDS_DIGITS = {"iban", "card", "ip", "phone"}
_DIGIT = re.compile(r"\d")


def find(text: str, kinds: tuple[str, ...] = tuple(_FINDERS)) -> list[Span]:
    """Return where personal data of these kinds stands in the text, in order, without overlaps.

    >>> find("Write to ada@example.org")
    [(9, 24, 'email')]
    """
    digits = _DIGIT.search(text) is not None
    found: list[Span] = []
    for kind, finder in _FINDERS.items():
        if kind in kinds and (digits or kind not in _NEEDS_DIGITS):
            new = [(start, end, kind) for start, end in finder(text)]
            found = _merged(found, new) if found else new
    return found


def _merged(found: list[Span], new: list[Span]) -> list[Span]:
    """Return both lists in order, those of the second that overlap none of the first."""
    kept, place = [], 0
    for span in new:
        while place < len(found) and found[place][1] <= span[0]:
            place += 1
        if place == len(found) or found[place][0] >= span[1]:
            kept.append(span)
    return sorted(found + kept)


@dataclass(frozen=True)
class PersonalData:
    """Find personal data, and replace it, drop its documents, or only count it; add the field `pii`, how many.

    kinds         what is looked for: email, phone, ip, card, iban, credential
    action        replace, drop or count
    placeholder   what stands for it; {kind} becomes the kind
    entities      what Presidio looks for in English beside the kinds, such as US_SSN or CRYPTO (extra presidio)
    spacy_model   an installed spaCy pipeline, with which entities may be PERSON or LOCATION; none = forms alone
    certainty     least score that Presidio gives a find, between 0 and 1
    """

    kinds: tuple[str, ...] = ("email", "phone", "ip", "card", "iban")
    action: Literal["replace", "drop", "count"] = "replace"
    placeholder: str = "<{kind}>"
    entities: tuple[str, ...] = ()
    spacy_model: str = ""
    certainty: float = 0.5

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(_FINDERS))
        if unknown or not (self.kinds or self.entities):
            raise UserError(f"pii.kinds names some of {', '.join(_FINDERS)}, not {', '.join(unknown) or 'nothing'}.")
        if self.action not in ("replace", "drop", "count"):
            raise UserError(f"pii.action is replace, drop or count, not {self.action!r}.")
        if not 0.0 <= self.certainty <= 1.0:
            raise UserError(f"pii.certainty is between 0 and 1, not {self.certainty}.")

    def __call__(self, page: Page) -> Verdicts:
        """Find personal data in each document; what was found is counted by kind."""
        counts: Counter[str] = Counter()
        texts, reasons, metas = [], [], []
        for text in page.texts:
            spans = find(text, self.kinds)
            if self.entities:
                spans = _merged(spans, presidio.find(text, self.entities, self.spacy_model, self.certainty))
            counts.update(kind for _, _, kind in spans)
            texts.append(self._replaced(text, spans) if spans and self.action == "replace" else text)
            reasons.append(f"pii: {spans[0][2]}" if spans and self.action == "drop" else "")
            metas.append({"pii": len(spans)})
        return Verdicts(texts, reasons, metas, dict(sorted(counts.items())))

    def _replaced(self, text: str, spans: list[Span]) -> str:
        pieces, done = [], 0
        for start, end, kind in spans:
            pieces += [text[done:start], self.placeholder.replace("{kind}", kind)]
            done = end
        return "".join([*pieces, text[done:]])
