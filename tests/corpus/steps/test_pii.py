"""Personal data is found by form and checksum, and what only looks like it is left alone."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import page_of

from hornbook.corpus.steps.pii import PersonalData, find, iban, luhn
from hornbook.errors import UserError

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
DIGITS = st.text("0123456789", min_size=12, max_size=12)


def kinds(text: str) -> list[tuple[str, str]]:
    every = ("email", "phone", "ip", "card", "iban", "credential")
    return [(kind, text[start:end]) for start, end, kind in find(text, every)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to ada.l+x@mail.example.org, please.", [("email", "ada.l+x@mail.example.org")]),
        ("(see <jürgen@müller.de>)", [("email", "jürgen@müller.de")]),
        ("call (212) 555-0143 now", [("phone", "(212) 555-0143")]),
        ("+44 20 7946 0958.", [("phone", "+44 20 7946 0958")]),
        ("(+44 20 7946 0958)", [("phone", "+44 20 7946 0958")]),
        ("(212-555-0143)", [("phone", "212-555-0143")]),
        ("Tel: 030 1234567", [("phone", "030 1234567")]),
        ("call me at 5551234", [("phone", "5551234")]),
        ("212-555-0143 x99", [("phone", "212-555-0143 x99")]),
        ("from 93.184.216.34:80", [("ip", "93.184.216.34")]),
        ("the host 8.8.8.8 answers", [("ip", "8.8.8.8")]),
        ("at 2606:2800:220:1:248:1893:25c8:1946 or 2001:4860:4860::8888",
         [("ip", "2606:2800:220:1:248:1893:25c8:1946"), ("ip", "2001:4860:4860::8888")]),
        ("card 4111 1111 1111 1111?", [("card", "4111 1111 1111 1111")]),
        ("card 4012-8888-8888-1881", [("card", "4012-8888-8888-1881")]),
        ("card 5555555555554444!", [("card", "5555555555554444")]),
        ("IBAN DE89 3704 0044 0532 0130 00 is mine", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("gb82west12345698765432", [("iban", "gb82west12345698765432")]),
        # Forms that RFC 5322 allows, and what stands around an address.
        ("to o'brien@example.org", [("email", "o'brien@example.org")]),
        ("!def!xyz%abc@example.org, $A12345@example.org", [("email", "!def!xyz%abc@example.org"),
                                                           ("email", "$A12345@example.org")]),
        ("name/surname@example.org", [("email", "name/surname@example.org")]),
        ("https://example.org/joe@example.org?to=ann@example.org", [("email", "joe@example.org"),
                                                                    ("email", "ann@example.org")]),
        ('"john doe"@example.org', [("email", '"john doe"@example.org')]),
        ("joe@[93.184.216.34]", [("email", "joe@[93.184.216.34]")]),
        ("joe@xn--mnchen-3ya.xn--p1ai", [("email", "joe@xn--mnchen-3ya.xn--p1ai")]),
        ("'joe@example.org' **ann@example.org** mail=bob@example.org", [("email", "joe@example.org"),
         ("email", "ann@example.org"), ("email", "bob@example.org")]),
        ("*joe@example.org_", [("email", "joe@example.org")]),
        # Numbers that only their surroundings tell.
        ("Teléfono: 200 878 578", [("phone", "200 878 578")]),
        ("phone=510-933-7621", [("phone", "510-933-7621")]),
        ("my number is 810 12 31 31", [("phone", "810 12 31 31")]),
        ("the phone number on my account to 29 61 51 28", [("phone", "29 61 51 28")]),
        ("Ring 01-23-45-65-13", [("phone", "01-23-45-65-13")]),
        ("It's 408-737-8384", [("phone", "408-737-8384")]),
        ("at Casino 212-555-0143", [("phone", "212-555-0143")]),
        ("(+81 (0) 3-1242-8792)", [("phone", "+81 (0) 3-1242-8792")]),
        ("call 512 641 125 extension 22", [("phone", "512 641 125 extension 22")]),
        ("9:00-18:00 03-5829-8082", [("phone", "03-5829-8082")]),
        # An address before a colon or a full stop.
        ("host 2400:1:ad03:d6fb:fd4f:e35a:5ebe:ac14: up", [("ip", "2400:1:ad03:d6fb:fd4f:e35a:5ebe:ac14")]),
        ("host 2a00:5:200d::92d: up", [("ip", "2a00:5:200d::92d")]),
        # Issuers beyond the large ones, and cards of none that are written or called as cards.
        ("2200 0307 4699 2495", [("card", "2200 0307 4699 2495")]),
        ("CC 9792656894603408", [("card", "9792656894603408")]),
        ("3528785274679607670", [("card", "3528785274679607670")]),
        ("credit card 165725398479660", [("card", "165725398479660")]),
        ("CR04 8443 2329 2249 7165 07", [("iban", "CR04 8443 2329 2249 7165 07")]),
        ("SI74-6490-8593-1676-982", [("iban", "SI74-6490-8593-1676-982")]),
        ("MN957591126677634915", [("iban", "MN957591126677634915")]),
        ("account GB97AZSR0752134570149", [("iban", "GB97AZSR0752134570149")]),
        ("ftp://joe:secret@example.org/x", [("credential", "joe:secret")]),
        ("key AKIAABCDEFGHIJKLMNOP.", [("credential", "AKIAABCDEFGHIJKLMNOP")]),
    ],
)  # fmt: skip
def test_found(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "version 93.184.216.34 of it", "firmware v57.20.30.40", "release 1.2.3.4", "1.2.3.4", "python-3.11.2.1",
        "10.0.0.1 and 192.168.1.1 and 127.0.0.1", "256.1.1.1", "std::vector a::b 12:34:56", "::1 fe80::1", "1.2.3.4.5",
        "2024-01-31", "31.12.1999 23:59", "12/31/1999", "1914-1918", "on 1999-12-31 14:00", "2001 2002 2003 2004",
        "ISBN 978-3-16-148410-0", "ISBN: 0-306-40615-2", "3.14159265358979", "1,234,567,890", "1234567890123",
        "4111111111111112", "DE88 3704 0044 0532 0130 00", "XX82WEST12345698765432", "0123456789", "5551234",
        "Chrome/34.33.6.18", "kernel 34.33.6.18", "upgraded to 21.33.6.18", "N 52 31.2345 E 013 24.5678",
        "Order number 00931956261", "2010 2011 2012 2013", "165725398479660", "GB97AZSR0752134570149", "at 12:34:56:78",
        "a@b", "@user", "x @ y.com", "foo@bar..com", "call 0000000", "order 212-555-0143", "555-12",
    ],
)  # fmt: skip
def test_left_alone(text: str) -> None:
    assert kinds(text) == []


def card(prefix: str, digits: str) -> str:
    body = (prefix + digits + "701")[:15]
    return next(body + str(check) for check in range(10) if luhn(body + str(check)))


@settings(deadline=None)
@given(
    st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "3530"]),
    DIGITS.map(lambda found: "70" + found + "1"),
    st.sampled_from(["", " ", "-"]),
)
def test_valid_cards_are_found_and_a_wrong_check_digit_is_not(prefix: str, digits: str, between: str) -> None:
    number = card(prefix, digits)
    shown = between.join(number[start : start + 4] for start in range(0, 16, 4))
    assert kinds(f"pay with {shown} today") == [("card", shown)]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert ("card", wrong) not in kinds(f"pay with {wrong} today")


@settings(deadline=None)
@given(DIGITS, st.text("0123456789", min_size=6, max_size=6), st.booleans())
def test_valid_ibans_are_found_and_a_wrong_checksum_is_not(first: str, second: str, spaced: bool) -> None:
    body = first + second
    check = 98 - int(body + "131400") % 97
    account = f"DE{check:02d}{body}"
    assert iban(account)
    shown = " ".join(account[start : start + 4] for start in range(0, 22, 4)) if spaced else account
    assert kinds(f"account {shown}, thanks")[0] == ("iban", shown)
    wrong = f"DE{(check - 1) % 97 + 2:02d}{body}"
    assert iban(wrong) == (wrong == account)


@given(st.integers(0, 2**32 - 1))
def test_addresses_of_the_public_internet_are_found(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    expected = [("ip", str(address))] if address.is_global else []
    assert kinds(f"from host {address} at night") == expected


@given(LETTERS, LETTERS, st.sampled_from(["com", "de", "museum", "рф", "xn--p1ai", "info", "co.uk", "data", "io"]))
def test_addresses_of_mail_are_found(local: str, domain: str, top: str) -> None:
    address = f"{local}@{domain}.{top}"
    assert kinds(f"to <{address}>.") == [("email", address)]


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789 .-+()@:abDE"), max_size=80))
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = find(text)
    ends = [0, *(end for _, end, _ in spans)]
    assert all(end <= start < stop for end, (start, stop, _) in zip(ends, spans, strict=False))


def test_replaced_dropped_or_counted() -> None:
    text = "Ask ada@example.org or bob@example.org, host 93.184.216.34."
    replaced = PersonalData(placeholder="[{kind}]")(page_of([text, "nothing"]))
    assert list(replaced.texts) == ["Ask [email] or [email], host [ip].", "nothing"]
    assert replaced.counts == {"email": 2, "ip": 1}
    assert [meta["pii"] for meta in replaced.metas or ()] == [3, 0]
    dropped = PersonalData(action="drop")(page_of([text, "nothing"]))
    assert list(dropped.reasons) == ["pii: email", ""]
    counted = PersonalData(kinds=("ip",), action="count")(page_of([text]))
    assert (list(counted.texts), counted.counts) == ([text], {"ip": 1})


def test_replacing_twice_finds_nothing_more() -> None:
    step = PersonalData()
    once = step(page_of(["Call (212) 555-0143 or write to ada@example.org from 93.184.216.34."]))
    assert step(page_of(once.texts)).counts == {}


def test_settings_that_cannot_be() -> None:
    with pytest.raises(UserError, match=r"pii\.kinds"):
        PersonalData(kinds=("shoe-size",))
    with pytest.raises(UserError, match=r"pii\.action"):
        PersonalData(action="sell")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "hostile",
    ["1" * 100_000, "1 " * 50_000, "a@" * 50_000, "a" * 100_000 + "@", "x@" + "a." * 50_000, "a.b@c" * 20_000,
     "DE89" * 25_000, "1:" * 50_000, ":" * 100_000, "1." * 50_000, "(" * 100_000, "+1 (" * 25_000,
     "-----BEGIN PRIVATE KEY-----" * 4_000, "://a:b" * 20_000, "0 - " * 25_000, "x@a-" * 25_000, "a/" * 50_000 + "@",
     '"' * 100_000 + "@", "'a" * 50_000 + "@", "iban AA11" * 12_000, "N " * 50_000 + "012345678"],
)  # fmt: skip
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    assert find(hostile, ("email", "phone", "ip", "card", "iban", "credential")) is not None


PROGRAMS = [
    "y = W@x.reshape(-1)", "scores = q@k.transpose(-2, -1)", "git clone git@github.com:u/r.git", "A@B.data",
    "z = q@k.name", "out = weights@inputs.data + b", "return hidden@table.to(device)", "m@n.at[0]", "user@host:dir",
    "root@server.local:/etc", "scp a.txt ada@example.com:/tmp/", "ssh ada@login.example.org",
    "https://ada@example.org/x", "ssh://git@example.org/u/r", "git+ssh://git@github.com/u/r", "npm i lodash@4.17.21",
    "pkg@2.0.dev", "icon@2x.png", "@decorator.name\ndef f(): pass", "x @ y.data", "a@b.c",
    "someone@nowhere.invalidtop", "+0.0000012", "-1.12345679", "numpy==1.24.3.1", "torch>=2.13.0.1",
    "pip install a==12.34.56.78", "v25.24.23.22", "release 2024.11.29.100", '"version": "25.24.23.22"',
    "1.24.3.1+cu118", "a = +4294967296", "[4220315081820346526, 7177518203184491332]", "0001-02-03 04:05",
    "+1980-02-29 01:02:03", "reach('192.168.0.1')", "text = format(123456789)", "0000014104", "1.0  8.0  1 2 3 4 5 6",
    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709", "ISBN 978-3-16-148410-0", "2026-11-29 23:27:01",
    "001.000.008.016", "3.14159265358979", "1e-0000012", "0x0000000000000001", "550e8400-e29b-41d4-a716-446655440000",
    "1,234,567,890",
]  # fmt: skip
PEOPLE = [
    ("email", "ada@example.org"), ("email", "o'hara@the.museum"), ("email", "info@пример.рф"), ("email", "a@x.com"),
    ("email", "first.last+tag@mail.example.co.uk"), ("email", "jo@data.ai"),
    ("email", "ada@my.data"), ("phone", "+49 30 901820"),
    ("phone", "+1-201-555-0123"), ("phone", "(201) 555-0123"), ("phone", "+31641044153"), ("ip", "93.184.216.34"),
    ("card", "4111 1111 1111 1111"), ("iban", "DE89370400440532013000"), ("email", "ada@example.org"),
]  # fmt: skip


@pytest.mark.parametrize("text", PROGRAMS)
def test_what_programs_write_is_nothing_of_people(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(("kind", "text"), PEOPLE)
@pytest.mark.parametrize(
    "around", ["# Author: {}", "{}", "reach her at {}.", 'who = "{}"', "<{}>", "({})", "Ann, {}, Bob"]
)
def test_what_is_of_people_is_found_in_programs_too(kind: str, text: str, around: str) -> None:
    assert kinds(around.format(text)) == [(kind, text)]
