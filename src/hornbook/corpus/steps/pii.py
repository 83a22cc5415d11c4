"""Personal data in text: found by form, verified by checksum where there is one, replaced, dropped or only counted.

    email        an address with a domain below a top-level domain that exists, or with an IP address in brackets; what
                 programs write with an @ is none: products of matrices, user@host: of ssh and git, names in URLs
    phone        an international number (+ or 00), a North American one, one with a trunk 0, or digits after a word
                 such as "call" or "phone"; dates, ISBNs, serial numbers, decimals and IP addresses are none
    ip           an IPv4 or IPv6 address of the public internet; a version such as 1.2.3.4 or ==1.24.3.1 is none
    card         a payment card: 12 to 19 digits whose Luhn check digit is right, of a known issuer's range, or written
                 as cards are embossed, or behind a word such as "card"
    iban         a bank account: 1 modulo 97, of the country's length (ISO 13616) or behind a word such as "account"
    credential   user:password@ in a URL, private keys, and the keys of services, by their published forms (secrets.py)

Names and postal addresses have no form that rules could know; they are left alone, unless `presidio` is asked for them.
Every pattern is bounded, so the time is linear in the length of the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps import presidio
from hornbook.corpus.steps.secrets import secrets
from hornbook.errors import UserError
from hornbook.schema import Share, check

Span = tuple[int, int, str]  # first character, character after the last, kind

# What stands before the @ by RFC 5322 and 6531, in quotes or not, but for the marks that part an address from what is
# before it much more often than they belong to it: = ? | and most slashes, and at its begin quotes, brackets and stars.
_EMAIL = re.compile(
    r"""(?:(?<![^\s<("'])[\w+-]{1,31}/[\w.=+-]{1,32}|(?<![\w.!#$%+-])[\w!#$%+-][\w.!#$%&'*+^`{}~-]{0,63}|"[^"\\\r\n]{1,64}")@"""
    r"(?:(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,24})(?![^\W_]|-\w|\.\w)"
    r"|\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]{2,45})\])",
    re.IGNORECASE,
)
# What follows an @ in programs: a call, an index, a path behind a colon; and what is before it.
_NO_ADDRESS_AFTER = re.compile(r"[(\[]|:[\w~./-]*(?:/|\.git\b)|:\d+/")
_NO_ADDRESS_BEFORE = re.compile(r"(?<!mailto)://[^\s/@<>\"']*$|\b(?:ssh|scp|sftp|rsync|mosh)\b[^\n]{0,60}$")
# Behind these an @ multiplies, if the domain could be an attribute, such as x.data.
_OPERAND = re.compile(r"(?:[=+*/\[%]|\breturn|\bin|\s-)\s*$")
_CARD = re.compile(r"(?<![\w.,/-])\d(?:[ \xa0-]?\d){11,18}(?![\w/-]|[.,]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ \xa0-]?[A-Z0-9]){11,30}", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w+-]|\.\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?!\w|:[\w:])", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.,/#-])(?<!\d:)\+?\(?\+?\d[\d\xa0 ().\-/]{5,20}\d(?: ?(?:x|ext\.?|extension) ?\d{1,6})?(?!\w|-\d)",
    re.IGNORECASE,
)
# Lengths of IBANs by country: the registry of ISO 13616.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
# First digits and lengths of the issuers' ranges: Visa, Mastercard, Mir, American Express, Diners, JCB, UnionPay, Troy,
# Uzcard and Humo; Discover, RuPay, Elo, Verve and Maestro are among those that begin with 50, 56 to 59, or 6.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|220[0-5]\d{12,15}"
    r"|3[47]\d{13}|3(?:0[0-5]\d|095|[689]\d\d)\d{10}|35(?:2[89]|[3-8]\d)\d{12,15}|(?:2131|1800)\d{11}"
    r"|81[0-7]\d{13,16}|(?:9792|8600|9860)\d{12}|(?:50|5[6-9]|6\d)\d{10,17}"
)
# Written as cards are embossed: in fours, or 4-6-5 and 4-6-4.
_EMBOSSED = re.compile(r"(?!19|20)\d{4}([ \xa0-])(?:(?:\d{4}\1){2,3}\d{1,4}|\d{6}\1\d{4,5})")
_OF_A_CARD = re.compile(r"(?:\bcards?\b|\bcc\b|credit|debit|visa|master ?card|amex|uatp)[^\d\n]{0,40}$", re.IGNORECASE)
_IN_A_LIST = re.compile(r"(?:\[|[\d\]], *)$")
_OF_AN_ACCOUNT = re.compile(r"(?:\biban\b|account|konto|transfer|\bpay\b)[^\d\n]{0,40}$", re.IGNORECASE)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?:(?:0\d|1[89]|20)\d\d([-./ ])(?:0?[1-9]|1[0-2])\1{_DAY}|{_DAY}([-./ ]){_DAY}\2(?:(?:1[89]|20)\d\d|\d\d))"
    # An hour may follow, or another date.
    rf"(?: \d{{1,2}}(?:\.\d\d){{0,2}}| ?- ?(?:\d{{4}}|{_DAY})([-./ ]){_DAY}\3\d{{2,4}})?"
)
# Decimals, numbers behind a plus or zeros that no country has, dotted numbers as in addresses, and columns of numbers.
_NO_NUMBER = re.compile(
    r"[+-]?\d+\.\d+|000.*|\(?\+\(?0.*|\d{1,3}(?:\.\d{1,3}){3}|\d{3}(?:\.\d{3})+|.*[ \xa0]{2}.*", re.DOTALL
)
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d(?: ?[-/–] ?(?:1[5-9]|20)?\d\d)?[ .]*(?:(?:1[5-9]|20)\d\d)?")
_NORTH_AMERICAN = re.compile(r"(?:(?:\+|00)?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_LOCAL = re.compile(r"\(?0\d{1,4}\)?(?:[ ./-]\d{2,8}){1,4}|\(\d{1,5}\)[ -]?\d{2,4}[ .-]?\d{3,4}")
_CALL = re.compile(
    r"(?<![^\W_])(?:(?:t[eé]l[eé])?(?:phone|fon|f[oó]n|tel|t[eé]l|fax)|mobile?|m[oó]vil|cell|celular|handy|tlf|call|dial|text"
    r"|sms|whatsapp|contact|ring|reach|hotline|helpline|тел|моб|τηλ|κιν)"
    # What programs call, or give a value that is no number.
    r"(?!\w*(?:\.\w+)*\((?![\d+(]|$)|\w* ?=(?!\s*[\"']?(?:[\d+(]|$)))"
    r"|電話|电话|手机|전화|휴대|هاتف|फ़?ोन|โทร"
    r"|(?:\b(?:my|our|your|his|her|their|support|office|home|work)|^)(?: \w+)? number\b",
    re.IGNORECASE,
)
# What says of a number further on that it is one.
_NUMBER_OF_A_PHONE = re.compile(r"\b(?:phone|mobile|cell|fax) (?:number|no)\b|\btoll[ -]?free|\bhotline", re.IGNORECASE)
_LINE = re.compile(r" \(?(?:office|home|mobile|cell|fax|work)\b", re.I)
_NO_PHONE = re.compile(
    r"(?:\b(?:isbn|issn|doi|pmid|order|invoice|account|customer|serial|ticket|tracking|reference|case|id|no|nr|version|card|ssn"
    r"|iban|passport)(?:(?: |-)(?:number|num|no|nr|id|code))?[\s.:#-]{0,3}(?:is |was )?)$",
    re.IGNORECASE,
)
_COMPASS = re.compile(r"(?:^|[\d°'′″\" ])[NSEW] ?$")
# Also a name before a slash, such as Chrome/23.0.1.2; of an address in a URL the slash comes twice.
_VERSION = re.compile(
    r"(?:version|release|revision|rev|ver|build|(?:up|down)grade[ds]?(?: to| from)?|updated?(?: to| from)?|firmware"
    r"|kernel|driver|sections?|chapter|[a-z]\b[ -]v|\bv)[\s.:=\"']{0,5}$|\w/$|[=<>~!^]=\s*[\"']?$|\w@$",
    re.IGNORECASE,
)
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
    return len(account) == _IBAN_LENGTHS.get(account[:2]) and _is_1_modulo_97(account)


def _is_1_modulo_97(account: str) -> bool:
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        for found in _EMAIL.finditer(text):
            local, _, domain = found.group().rpartition("@")
            if ".." in local and not local.startswith('"'):
                continue
            if domain.startswith("[") or _is_address(text, found.span(), local, domain):
                yield found.span()


def _is_address(text: str, span: tuple[int, int], local: str, domain: str) -> bool:
    """Return whether a domain exists as far as its end tells, and no program would write what is there."""
    *labels, top = domain.lower().split(".")
    if top not in _top_domains() or _NO_ADDRESS_AFTER.match(text, span[1]):
        return False
    old = top in ("com", "net", "org") or (text[span[0] - 1 : span[0]], text[span[1] : span[1] + 1]) == ("<", ">")
    if not old and (len(labels[-1]) == 1 or all(map(str.isdecimal, labels))):  # k.name, 2.0.dev
        return False
    before = text[max(span[0] - 100, 0) : span[0]]
    if _NO_ADDRESS_BEFORE.search(before):
        return False
    return old or not (len(labels) == 1 and local.replace(".", "_").isidentifier() and _OPERAND.search(before))


@cache
def _top_domains() -> frozenset[str]:
    """Return the top-level domains, in the form that DNS has and as they are written."""
    lines = Path(__file__).with_name("top_domains.txt").read_text(encoding="utf-8").splitlines()
    names = [name for line in lines if not line.startswith("#") for name in line.split()]
    return frozenset([*names, *(name[4:].encode().decode("punycode") for name in names if name.startswith("xn--"))])


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        if luhn(digits) and len(set(digits)) > 1:
            before = text[max(found.start() - 60, 0) : found.start()]
            # Digits of no known issuer's must be written as those of cards are, or called a card's.
            # In a list of numbers as programs write it, one may be so long, and right by chance.
            known = _ISSUERS.fullmatch(digits) and not (len(digits) > 16 and _IN_A_LIST.search(before))
            if known or _EMBOSSED.fullmatch(found.group()) or _OF_A_CARD.search(before):
                yield found.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in _IBAN.finditer(text):
        written, start = found.group(), found.start()
        account = "".join(filter(str.isalnum, written)).upper()
        # The pattern may have run on into the words that follow.
        length = _IBAN_LENGTHS.get(account[:2], 0)
        places = [place for place, character in enumerate(written) if character.isalnum()]
        if length and len(places) >= length and iban(account[:length]):
            end = start + places[length - 1] + 1
            if not text[end : end + 1].isalnum():
                yield start, end
                continue
        # Of another length, or a country's that has none: where words say what it is.
        whole = not text[found.end() : found.end() + 1].isalnum()
        if whole and _OF_AN_ACCOUNT.search(text[max(start - 60, 0) : start]) and _is_1_modulo_97(account):
            yield found.span()


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
            written = found.group()
            if written.endswith(":") and not written.endswith("::"):  # the sentence's
                written = written[:-1]
            # `a::b` is how some languages name things; an address has a long group, and a digit.
            long = max(map(len, written.split(":"))) >= 3 and any(map(str.isdigit, written))
            if long and _public(written):
                yield found.start(), found.start() + len(written)


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for found in _PHONE.finditer(text):
        written, start = found.group(), found.start()
        if written.startswith("(") and written.count("(") > written.count(")"):  # it is around it, not a part of it
            written, start = written[1:], start + 1
        if _is_phone(written, text[max(start - 48, 0) : start], text[found.end() : found.end() + 10]):
            yield start, found.end()


def _is_phone(written: str, before: str, after: str) -> bool:
    main = re.split(r" ?(?:x|ext)", written.replace("\xa0", " "), maxsplit=1, flags=re.IGNORECASE)[0]
    digits = re.sub(r"\D", "", main)
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 3 or _NO_NUMBER.fullmatch(main):
        return False
    if _NO_PHONE.search(before) or _COMPASS.search(before):
        return False
    called = _CALL.search(before[-28:]) is not None or _NUMBER_OF_A_PHONE.search(before) is not None
    # A time, a port, a setting, a version.
    if not called and (before[-1:] == ":" or before.rstrip().endswith("=") or _VERSION.search(before)):
        return False
    if _DATE.fullmatch(main.lstrip("+")):
        return False
    if main.startswith(("+", "(+")) or (main.startswith("00") and len(digits) >= 10):
        return len(digits) >= 8
    if _YEARS.fullmatch(main) or main.count("(") != main.count(")"):
        return False
    if _NORTH_AMERICAN.fullmatch(main):
        return True
    if _LOCAL.fullmatch(main) and 8 <= len(digits) <= 12:
        return True
    return len(written) > len(main) or called or _LINE.match(after) is not None


# In this order: of two that overlap the earlier kind counts.
_FINDERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "credential": secrets,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
    "phone": _phones,
}


def find(text: str, kinds: tuple[str, ...] = tuple(_FINDERS)) -> list[Span]:
    """Return where personal data of these kinds stands in the text, in order, without overlaps.

    >>> find("Write to ada@example.org")
    [(9, 24, 'email')]
    """
    digits = re.search(r"\d", text) is not None
    found: list[Span] = []
    for kind, finder in _FINDERS.items():
        if kind in kinds and (digits or kind in ("credential", "email")):
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
    """Find personal data; replace it, drop its documents or only count it; add the number found as the field `pii`.

    kinds         what to find: email, phone, ip, card, iban, credential
    action        what to do: replace the data, drop the document, or only count
    placeholder   text that replaces it; {kind} stands for its kind
    entities      further entities that Presidio finds in English, such as US_SSN or CRYPTO (needs the extra `presidio`)
    spacy_model   installed spaCy pipeline, which PERSON and LOCATION need; empty = patterns only
    certainty     minimum score of what Presidio finds
    """

    kinds: tuple[str, ...] = ("email", "phone", "ip", "card", "iban")
    action: Literal["replace", "drop", "count"] = "replace"
    placeholder: str = "<{kind}>"
    entities: tuple[str, ...] = ()
    spacy_model: str = ""
    certainty: Share = 0.5

    def __post_init__(self) -> None:
        check(self, "pii.")
        unknown = sorted(set(self.kinds) - set(_FINDERS))
        if unknown or not (self.kinds or self.entities):
            raise UserError(f"pii.kinds names some of {', '.join(_FINDERS)}, not {', '.join(unknown) or 'nothing'}.")

    def __call__(self, page: Page) -> Verdicts:
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
