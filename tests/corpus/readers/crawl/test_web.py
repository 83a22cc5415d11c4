"""Pages of the web, and files that lie elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from pathlib import Path

import pytest
import zstandard
from builds import begin, finish
from corpus_reading import read_all, reasons

pytest.importorskip("trafilatura")
pytest.importorskip("warcio")

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

WORDS = "This is a sentence of the article that tells the reader something of interest about the subject. "
PAGE = (
    "<html><head><title>T</title></head><body><nav><a href=/>Home</a></nav><article><h1>Head</h1>"
    + f"<p>{WORDS * 3}</p>" * 3
    + "</article></body></html>"
)


def archive(path: Path, gzip: bool = True) -> None:
    """Write a WARC file: two pages, a picture, a page that was not found, an empty one, and a conversion."""
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=gzip)

    def add(url: str, body: bytes, content: str, status: str = "200 OK") -> None:
        headers = StatusAndHeaders(status, [("Content-Type", content)], protocol="HTTP/1.0")
        writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=headers))

    add("http://a/1", PAGE.encode(), "text/html; charset=utf-8")
    add("http://a/2", b"GIF89a", "image/gif")
    add("http://a/3", b"<html>gone</html>", "text/html", "404 Not Found")
    add("http://a/4", b"<html></html>", "text/html")
    add("http://a/5", b"Plain words of a text.", "text/plain")
    body = "Words that were extracted before. äöü".encode()
    writer.write_record(
        writer.create_warc_record("http://a/6", "conversion", payload=io.BytesIO(body), warc_content_type="text/plain")
    )
    path.write_bytes(stream.getvalue())


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc", "a.warc.wet.gz"])
def test_an_archive_gives_the_main_text_of_its_pages(tmp_path: Path, name: str) -> None:
    archive(tmp_path / name, name.endswith("gz"))
    passed: dict[str, int] = {}
    items, bad = read_all(tmp_path / name, passed=passed)
    assert [json.loads(item.meta)["url"] for item in items] == ["http://a/1", "http://a/5", "http://a/6"]
    assert WORDS.strip() in items[0].text and "Home" not in items[0].text
    assert items[2].text == "Words that were extracted before. äöü"
    assert [item.reason for item in bad] == ["no main text in the page"]
    assert passed == {"no page: image/gif": 1, "no page: its status": 1}


def test_a_cut_archive_gives_what_stands_before_the_cut(tmp_path: Path) -> None:
    archive(tmp_path / "a.warc.gz")
    data = (tmp_path / "a.warc.gz").read_bytes()
    (tmp_path / "a.warc.gz").write_bytes(data[:-120])
    items, bad = read_all(tmp_path / "a.warc.gz")
    assert [json.loads(item.meta)["url"] for item in items] == ["http://a/1", "http://a/5"]
    assert bad[-1].reason == "gzip data is cut or changed"
    (tmp_path / "b.warc").write_bytes(b"no archive at all\r\n")
    assert [item.reason for item in read_all(tmp_path / "b.warc")[1]] == ["damaged WARC file"]


@pytest.mark.parametrize("length", ["{short}", "{long}", "-5", "many", "99999999999999999999"])
def test_a_record_of_a_wrong_length_is_named_and_the_others_come_through(
    tmp_path: Path, length: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=False)
    for number in range(6):
        headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.0")
        body = io.BytesIO(PAGE.replace("Head", f"Head {number}").encode())
        writer.write_record(
            writer.create_warc_record(f"http://a/{number}", "response", payload=body, http_headers=headers)
        )
    data = stream.getvalue()
    found = list(re.finditer(rb"Content-Length: (\d+)\r\n\r\nHTTP", data))[2]
    right = int(found[1])
    wrong = length.format(short=100, long=right + 500).encode()
    path = tmp_path / "a.warc"
    path.write_bytes(data[: found.start(1)] + wrong + data[found.end(1) :])
    items, bad = read_all(path)
    numbers = [int(json.loads(item.meta)["url"][-1]) for item in items]
    assert numbers[:2] == [0, 1] and 2 not in numbers and bad[0].line == 3
    # What a record that is too long has swallowed, or a length without end, is lost; the others are not.
    if not length.startswith("9999"):
        assert numbers[2:] == ([4, 5] if length == "{long}" else [3, 4, 5])
        assert reasons(bad) == [(3, "damaged WARC file")]
    for item, number in zip(items, numbers, strict=True):
        assert f"Head {number}" in item.text and item.text.count("Head") == 1
    assert capsys.readouterr().err == ""


def test_pages_in_old_encodings_are_read_as_server_or_page_say_or_guessed(tmp_path: Path) -> None:
    words = "Le café était fermé, mais l'élève français a mangé une crêpe à côté de la forêt. "
    russian = "Все люди рождаются свободными и равными в своем достоинстве и правах. "
    page = "<html><head>{}</head><body><article>{}</article></body></html>"

    def html(text: str, head: str = "") -> str:
        return page.format(head, f"<p>{text * 3}</p>" * 3)

    (tmp_path / "guessed.html").write_bytes(html(words).encode("cp1252"))
    (tmp_path / "says.html").write_bytes(html(russian, '<meta charset="koi8-r">').encode("koi8-r"))
    items, bad = read_all(tmp_path)
    assert words.strip() in items[0].text and russian.strip() in items[1].text and not bad
    assert "cp1252" in json.loads(items[0].meta)["encoding"]
    stream = io.BytesIO()
    writer = WARCWriter(stream)
    for charset, text in (("ISO-8859-5", russian), ("utf-8", words), ("no-such", words)):
        headers = StatusAndHeaders("200 OK", [("Content-Type", f'text/html; charset="{charset}"')], protocol="HTTP/1.0")
        body = io.BytesIO(html(text).encode("iso-8859-5" if text == russian else "utf-8"))
        writer.write_record(writer.create_warc_record("http://a", "response", payload=body, http_headers=headers))
    (tmp_path / "a.warc.gz").write_bytes(stream.getvalue())
    items, bad = read_all(tmp_path / "a.warc.gz")
    assert [text.strip() in item.text for item, text in zip(items, (russian, words, words), strict=True)] == [True] * 3
    assert not bad
    (tmp_path / "c.html").write_bytes(b"<html><body><p>\xff\xfe broken \x80\x81</p>")
    items, bad = read_all(tmp_path / "c.html")
    assert not bad and "unsure" in json.loads(items[0].meta)["encoding"]


def test_html_files_give_their_main_text(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    (tmp_path / "b.htm").write_text("<html><body></body></html>")
    items, bad = read_all(tmp_path)
    assert len(items) == 1 and WORDS.strip() in items[0].text and "Home" not in items[0].text
    assert [item.reason for item in bad] == ["no main text in the page"]


def test_files_of_a_bucket_are_read_like_others(bucket: str) -> None:
    import gzip

    import s3fs

    store = s3fs.S3FileSystem()
    lines = "".join(json.dumps({"text": f"document {number}"}) + "\n" for number in range(300)).encode()
    store.pipe(f"{bucket}/in/a.jsonl", lines)
    store.pipe(f"{bucket}/in/b.jsonl.gz", gzip.compress(lines))
    store.pipe(f"{bucket}/in/.hidden/c.jsonl", lines)
    items, bad = read_all(f"{bucket}/in", unit=1000)
    assert [item.text for item in items] == [f"document {number}" for number in range(300)] * 2 and not bad
    assert items[0].id == f"{bucket}/in/a.jsonl#1"
    assert len(read_all(f"{bucket}/in/*.gz")[0]) == 300
    from hornbook.errors import UserError

    with pytest.raises(UserError, match="There is nothing at"):
        read_all(f"{bucket}/nothing")


@pytest.mark.slow
def test_a_corpus_is_built_from_a_bucket_by_several_processes(bucket: str, tmp_path: Path) -> None:
    import s3fs

    from hornbook.corpus.built import documents, open_corpus

    lines = [json.dumps({"text": f"document {number} of the bucket"}) for number in range(300)]
    s3fs.S3FileSystem().pipe(f"{bucket}/more/a.jsonl", "\n".join(lines).encode())
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for paths, out in ((f"{bucket}/more", "far"), ("a.jsonl", "near")):
        finish(begin("corpus", "build", paths, "--out", out, "--workers", "2", folder=tmp_path))
    far, near = (list(documents(open_corpus(tmp_path / out))) for out in ("far", "near"))
    assert [item.text for item in far] == [item.text for item in near] and far
    assert far[0].id == f"{bucket}/more/a.jsonl#1"


def test_a_bucket_is_no_place_for_a_corpus(tmp_path: Path) -> None:
    process = begin("corpus", "build", "in.jsonl", "--out", "s3://bucket/corpus", folder=tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 2 and "hornbook: A corpus is built in a directory" in out
    assert list(tmp_path.iterdir()) == []


def packed(body: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.compress(body)
    if coding == "zstd":
        return zstandard.ZstdCompressor().compress(body)
    return zlib.compress(body) if coding == "deflate" else zlib.compress(body)[2:-4]


def chunks(body: bytes) -> bytes:
    parts = [body[start : start + 300] for start in range(0, len(body), 300)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def page_of(path: Path, body: bytes, *headers: tuple[str, str]) -> tuple[list[str], list[str]]:
    """Return the texts and the reasons of an archive of one page."""
    stream = io.BytesIO()
    writer = WARCWriter(stream)
    status = StatusAndHeaders("200 OK", [("Content-Type", "text/html"), *headers], protocol="HTTP/1.1")
    writer.write_record(
        writer.create_warc_record("http://a", "response", payload=io.BytesIO(body), http_headers=status)
    )
    path.write_bytes(stream.getvalue())
    items, bad = read_all(path)
    return [item.text for item in items], [item.reason for item in bad]


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "bare deflate"])
def test_a_body_that_is_cut_in_a_sound_record_is_refused(tmp_path: Path, coding: str) -> None:
    header = ("Content-Encoding", coding.removeprefix("bare "))
    body = packed(PAGE.encode() + b"<!--" + os.urandom(2000).hex().encode() + b"-->", coding)
    texts, bad = page_of(tmp_path / "a.warc.gz", body, header)
    assert WORDS.strip() in texts[0] and not bad
    assert page_of(tmp_path / "a.warc.gz", body[: len(body) // 2], header) == ([], ["damaged page"])
    texts, bad = page_of(tmp_path / "a.warc.gz", PAGE.encode(), header)  # stored unpacked, as crawlers do
    assert WORDS.strip() in texts[0] and not bad


def test_a_body_in_chunks_is_put_together_or_refused(tmp_path: Path) -> None:
    header = ("Transfer-Encoding", "chunked")
    for body in (chunks(PAGE.encode()), PAGE.encode()):
        texts, bad = page_of(tmp_path / "a.warc.gz", body, header)
        assert WORDS.strip() in texts[0] and not bad
    for body in (
        chunks(PAGE.encode())[:-5],
        chunks(PAGE.encode())[:900],
        chunks(PAGE.encode()).replace(b"\r\n12c", b"12c"),
    ):
        assert page_of(tmp_path / "a.warc.gz", body, header) == ([], ["damaged page"])
    body = chunks(gzip.compress(PAGE.encode()))
    assert page_of(tmp_path / "a.warc.gz", body, header, ("Content-Encoding", "gzip"))[1] == []


def test_a_page_shorter_than_its_server_said_is_refused(tmp_path: Path) -> None:
    header = ("Content-Length", str(len(PAGE)))
    assert page_of(tmp_path / "a.warc.gz", PAGE.encode(), header)[1] == []
    assert page_of(tmp_path / "a.warc.gz", PAGE.encode()[:-200], header) == ([], ["page cut on its way"])


def test_a_page_whose_stated_encoding_does_not_fit_is_guessed(tmp_path: Path) -> None:
    russian = "Все люди рождаются свободными и равными в своем достоинстве и правах. "
    japanese = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
    for said, codec, text in (
        ("utf-8", "cp1251", russian),
        ("us-ascii", "iso2022_jp", japanese),
        ("iso-2022-jp", "iso2022_jp", japanese),
        ("x-sjis", "cp932", japanese),
        ("gb2312", "gb18030", "人人生而自由,在尊严和权利上一律平等。€"),
    ):
        body = PAGE.replace("<p>", f"<p>{text * 9}").encode(codec)
        head = f'<meta charset="{said}">'.encode()
        for found in (
            page_of(tmp_path / "a.warc.gz", body.replace(b"<head>", b"<head>" + head)),
            page_of(tmp_path / "a.warc.gz", body, ("Content-Type", f"text/html; charset={said}")),
        ):
            assert text in found[0][0] and not found[1], (said, codec)
