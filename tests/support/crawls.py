"""Files of a crawl as Common Crawl publishes them: WARC, WET and WAT of the same pages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

WORDS = "This is a sentence of the article that tells the reader something of interest about the subject. "


def page(title: str, head: str = "", body: str = "") -> bytes:
    """Return a page of HTML with enough words to have a main text."""
    text = f"<p>{WORDS * 3}</p>" * 3
    return (
        f"<html><head><title>{title}</title>{head}</head><body><nav><a href=/>Home</a></nav>"
        f"<article><h1>{title}</h1>{text}</article>{body}</body></html>"
    ).encode()


def record(kind: str, block: bytes, number: int, /, **header: str) -> bytes:
    """Return one record; a header's underscores are dashes."""
    names = {"WARC_Type": kind, "WARC_Record_ID": f"<urn:uuid:{kind}-{number}>", "WARC_Date": "2024-02-20T21:10:55Z"}
    fields = {name.replace("_", "-"): value for name, value in {**names, **header}.items()}
    fields["Content-Length"] = str(len(block))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.0\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, content: str = "text/html; charset=utf-8", status: str = "200 OK", header: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content}\r\n{header}\r\n".encode() + body


def fetched(number: int, url: str, response: bytes, languages: str = "", **header: str) -> list[bytes]:
    """Return the three records of a page: request, response, and what the crawler found out of it."""
    told = "fetchTimeMs: 12\r\ncharset-detected: UTF-8\r\n"
    if languages:
        found = [{"code-iso-639-3": code, "text-covered": 0.9} for code in languages.split(",")]
        told += f"languages-cld2: {json.dumps({'reliable': True, 'languages': found})}\r\n"
    web = {"WARC_Target_URI": url}
    return [
        record("request", b"GET / HTTP/1.1\r\n\r\n", number, Content_Type="application/http; msgtype=request", **web),
        record("response", response, number, Content_Type="application/http; msgtype=response", **web, **header),
        record(
            "metadata", told.encode(), number, Content_Type="application/warc-fields",
            WARC_Concurrent_To=f"<urn:uuid:response-{number}>", **web,
        ),
    ]  # fmt: skip


def wet(number: int, url: str, text: str, languages: str = "") -> bytes:
    """Return a record of WET."""
    told = {"WARC_Identified_Content_Language": languages} if languages else {}
    refers = {"WARC_Refers_To": f"<urn:uuid:response-{number}>", "WARC_Target_URI": url}
    return record("conversion", text.encode(), number, Content_Type="text/plain", **refers, **told)


def wat(number: int, url: str, head: dict[str, object], headers: dict[str, str] | None = None) -> bytes:
    """Return a record of WAT about a response, with the facts of its head."""
    links = [{"path": "A@/href", "url": "/x"}, {"path": "IMG@/src", "url": "/y.png"}]
    told = {"Headers": headers or {}, "HTML-Metadata": {"Head": head, "Links": links}}
    about = {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": told}}}
    refers = {"WARC_Refers_To": f"<urn:uuid:response-{number}>", "WARC_Target_URI": url}
    return record("metadata", json.dumps(about).encode(), number, Content_Type="application/json", **refers)


def write(path: Path, records: list[bytes], apart: bool = True) -> Path:
    """Write records, each packed by itself or all as one, or not at all where the name does not end in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".gz":
        path.write_bytes(b"".join(records))
    else:
        pieces = records if apart else [b"".join(records)]
        path.write_bytes(b"".join(gzip.compress(piece, mtime=0) for piece in pieces))
    return path
