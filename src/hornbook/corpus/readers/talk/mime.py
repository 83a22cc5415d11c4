"""One message of mail -> its headers and its text: the best part of each choice, decoded, attachments left out.

Headers and their parameters are read by the standard library. Parts are split here: its parser goes into each part by
a call of its own, so that a message of 10,000 parts inside each other ends in an error of Python.
"""

from __future__ import annotations

import binascii
import email.header
import email.utils
import html
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from hornbook.corpus.readers.encodings import named
from hornbook.corpus.readers.files.html_text import Unseen, html_prose
from hornbook.corpus.readers.record import decoded_record

ID = re.compile(r"<([^<>\s]+)>")  # of a message or a list, in a header
_DEEPEST = 20  # parts inside each other; what lies deeper is left out
_MOST_PARTS = 10_000
_HEAD = 1 << 18  # bytes of headers that are looked at
_END = re.compile(rb"\r?\n\r?\n")
_UUENCODED = re.compile(r"^begin [0-7]{3,4} [^\n]+\n(?:[ -`]{1,61}\n)+(?:`\n)?end$\n?", re.MULTILINE)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_JAPANESE = (b"\x1b$B", b"\x1b$@")
_STUB = 60  # words: a plain form with fewer, beside a page of five times as many, says only that there is a page
_QUOTE = re.compile(r"(>*) ?(.*)", re.DOTALL)


class Text(NamedTuple):
    """The text of one part; `is_html` says that it was a page."""

    text: str
    is_html: bool


class Mime:
    """A message or a part: `headers`, and `body` in bytes."""

    def __init__(self, data: bytes) -> None:
        if data[:1] in (b"\n", b"\r"):
            self.headers: Message = Message()
            self.body = data.lstrip(b"\r\n")
            return
        found = _END.search(data)
        self.headers = BytesHeaderParser().parsebytes(data[: found.start() if found else len(data)][:_HEAD])
        self.body = data[found.end() :] if found else b""

    def header(self, name: str) -> str:
        """Return a header in one line, its encoded words decoded; "" where there is none."""
        value = self.headers.get(name)
        return "" if value is None else decoded_header(str(value))

    def parameter(self, name: str) -> str:
        """Return a parameter of the type, such as charset."""
        try:
            value = self.headers.get_param(name, "")
            return email.utils.collapse_rfc2231_value(value) if value else ""
        except (ValueError, LookupError, TypeError, IndexError):  # the library on parameters that are none
            return ""

    @property
    def kind(self) -> str:
        """The type in small letters, text/plain where none is stated."""
        return self.headers.get_content_type()

    @property
    def is_attachment(self) -> bool:
        """Whether the part is a file that goes with the message."""
        stated = str(self.headers.get("Content-Disposition", "")).strip().lower()
        return stated.startswith("attachment") or ("filename" in stated and not self.kind.startswith("multipart/"))

    def parts(self) -> Iterator[Mime]:
        """Yield the parts of a multipart body."""
        mark = self.parameter("boundary").rstrip().encode("ascii", "replace")
        if not mark:
            return
        begin = re.compile(rb"(?:\A|\r?\n)--" + re.escape(mark) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
        start = -1
        for found in begin.finditer(self.body):
            if start >= 0:
                yield Mime(self.body[start : found.start()])
            start = _past_line(self.body, found.end())
            if found[1]:
                return
        if start >= 0:
            yield Mime(self.body[start:])

    def content(self) -> bytes:
        """Return the bytes of a body that is no multipart, decoded."""
        coding = str(self.headers.get("Content-Transfer-Encoding", "")).strip().lower()
        if coding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        if coding == "base64":
            data = _NOT_BASE64.sub(b"", self.body)
            return binascii.a2b_base64(data[: len(data) // 4 * 4] + _last(data[len(data) // 4 * 4 :]))
        return self.body

    def decoded(self, where: str) -> str:
        """Return the text of a body; sound UTF-8 is that, whatever is stated. Raises BadRecord for what is no text."""
        data = self.content()
        label = self.parameter("charset").strip("'\" ")
        if data.isascii():
            codec = named(label, data) if label.lower().startswith(("iso-2022", "hz", "utf-7", "utf7")) else ""
            if not codec and any(begin in data for begin in _JAPANESE):
                # Row 13 of the characters (circled numbers) is none of the standard that most mail names all the same.
                return re.sub(rb"\x1b\$[@B]", b"\x1b$(Q", data).decode("iso2022_jp_2004", "replace")
            return data.decode(codec or "ascii")
        try:
            return data.decode()
        except UnicodeDecodeError:
            codec = "" if label.lower() in ("", "utf-8", "utf8", "unknown-8bit") else named(label, data)
            return data.decode(codec) if codec else decoded_record(data, where, 0)[0]


def _past_line(data: bytes, place: int) -> int:
    return place + 2 if data[place : place + 2] == b"\r\n" else min(place + 1, len(data))


def _last(rest: bytes) -> bytes:
    """Return the last letters of base64 with the signs that fill them up; one alone holds nothing."""
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def decoded_header(value: str) -> str:
    """Return a header's value in one line, its encoded words (RFC 2047) decoded where they are sound."""
    value = re.sub(r"\?=\s+=\?", "?==?", " ".join(value.split()))
    pieces: list[str] = []
    try:
        for part, charset in email.header.decode_header(value):
            if isinstance(part, str):
                pieces.append(part)
                continue
            label = charset or "ascii"
            codec = named(label, part) or ("" if label == "unknown-8bit" else named("utf-8", part))
            pieces.append(part.decode(codec or "utf-8", "replace"))
    except (ValueError, LookupError, AssertionError, binascii.Error):
        pieces = [value]
    text = " ".join("".join(pieces).split())
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Reader:
    """Reads the texts of messages.

    where    names the message in what is raised
    unseen   elements of pages that are left out, such as quotes
    """

    def __init__(self, where: str, unseen: Unseen) -> None:
        self._where, self._unseen = where, unseen
        self._left = _MOST_PARTS
        self.is_encrypted = False

    def texts(self, part: Mime, depth: int = 0) -> list[Text]:
        """Return the texts of a part in order."""
        self._left -= 1
        kind = part.kind
        if depth > _DEEPEST or self._left < 0 or (part.is_attachment and depth):
            return []
        if kind == "multipart/alternative":
            return self._best(part, depth)
        if kind in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"):
            self.is_encrypted = True
            return []
        if kind.startswith("multipart/") and part.parameter("boundary"):
            inner_default = kind == "multipart/digest"
            return [text for inner in part.parts() for text in self._digested(inner, depth, inner_default)]
        if kind == "message/rfc822":
            return self._message(Mime(part.content()), depth)
        if kind == "text/html":
            return [Text(html_prose(part.decoded(self._where), unseen=self._unseen).text(), True)]
        if kind in ("text/plain", "text/markdown", "text/x-patch", "text/enriched") or kind.startswith("multipart/"):
            text, is_encrypted = unarmoured(_plain(part, part.decoded(self._where)))
            self.is_encrypted |= is_encrypted
            return [Text(text, False)]
        return []

    def _digested(self, inner: Mime, depth: int, is_digest: bool) -> list[Text]:
        if is_digest and "Content-Type" not in inner.headers:
            return self._message(Mime(inner.body), depth)
        return self.texts(inner, depth + 1)

    def _message(self, message: Mime, depth: int) -> list[Text]:
        """Return a message inside another one: its subject, then its texts."""
        subject = message.header("Subject")
        inner = self.texts(message, depth + 1)
        return [Text(subject, False), *inner] if subject and inner else inner

    def _best(self, part: Mime, depth: int) -> list[Text]:
        """Return the plain text among several forms of the same, else the last form that has text."""
        forms = [self.texts(inner, depth + 1) for inner in part.parts()]
        forms = [form for form in forms if any(text.text.strip() for text in form)]
        plain = [form for form in forms if not any(text.is_html for text in form)][:1]
        if plain and (words := _words(plain[0])) < _STUB and _words(forms[-1]) > 5 * words + _STUB // 3:
            plain = []
        return (plain or forms[-1:] or [[]])[0]


def _words(form: list[Text]) -> int:
    return sum(len(text.text.split()) for text in form)


def unarmoured(text: str) -> tuple[str, bool]:
    """Return text without the frames that PGP puts around it, and whether some of it is encrypted and so left out."""
    if "-----BEGIN PGP " not in text:
        return text, False
    kept: list[str] = []
    state, is_encrypted = "", False
    for line in text.split("\n"):
        mark = line.rstrip()
        if state == "left out":
            state = "" if mark.startswith("-----END PGP ") else state
        elif mark == "-----BEGIN PGP SIGNED MESSAGE-----":
            state = "head"
        elif mark == "-----BEGIN PGP MESSAGE-----" or (state == "signed" and mark == "-----BEGIN PGP SIGNATURE-----"):
            is_encrypted |= mark == "-----BEGIN PGP MESSAGE-----"
            state = "left out"
        elif state == "head":
            state = "head" if mark else "signed"
        else:
            kept.append(line.removeprefix("- ") if state == "signed" else line)
    return "\n".join(kept), is_encrypted


def _plain(part: Mime, text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if part.kind == "text/enriched":
        return html.unescape(re.sub(r"<param>.*?</param>|<[^<>]*>", "", re.sub(r"\n(?!\n)", " ", text)))
    if part.parameter("format").lower() == "flowed":
        text = flowed(text, part.parameter("delsp").lower() == "yes")
    return _UUENCODED.sub("", text)


def flowed(text: str, without_blank: bool) -> str:
    """Return text whose lines flow (RFC 3676) with whole paragraphs: a line that ends with a blank goes on."""
    lines: list[str] = []
    depth, goes_on = 0, False
    for line in text.split("\n"):
        found = _QUOTE.fullmatch(line)
        quotes, content = (found[1], found[2]) if found else ("", line)
        is_signature = content == "-- " or line == "-- "
        if goes_on and len(quotes) == depth and not is_signature and lines:
            lines[-1] += content
        else:
            lines.append(f"{quotes} {content}" if quotes else content)
        depth = len(quotes)
        goes_on = content.endswith(" ") and not is_signature
        if goes_on and without_blank:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
