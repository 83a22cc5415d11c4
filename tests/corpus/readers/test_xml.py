"""XML that anyone may have written: what is sound is read, what is hostile is refused, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.readers import xml
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.xml import events, tree

LAUGHS = (
    "<!DOCTYPE r [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]><r>&j;</r>"
)
HOSTILE = [
    LAUGHS,
    "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r>&x;</r>",
    "<!-- <r> --><!DOCTYPE r [<!ENTITY x SYSTEM 'http://localhost/x'>]><r>&x;</r>",
    "<?pi <r ?><!DOCTYPE r [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]><r/>",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_entities_of_its_own_are_refused(text: str, codec: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="declares entities"):
        tree(text.encode(codec), "it")
    (tmp_path / "x.xml").write_bytes(text.encode(codec))
    with pytest.raises(BadRecord, match="declares entities"):
        list(events(tmp_path / "x.xml", ["r"]))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS 1.0//EN" "JATS.dtd"><r>a&amp;b<![CDATA[<!ENTITY x "y">]]></r>',
        '<!DOCTYPE r [<!ELEMENT r ANY>]><r>a&#38;b&lt;!ENTITY x "y"&gt;</r>',
        '<?xml version="1.0" encoding="iso-8859-1"?><r>a&amp;b&lt;!ENTITY x "y"></r>',
    ],
)
def test_what_declares_none_is_read(text: str) -> None:
    assert tree(text.encode(), "it").text == 'a&b<!ENTITY x "y">'


def test_elements_come_whole_and_are_freed(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(
        "<r><head>h<b>x</b></head>" + "".join(f"<p n='{n}'>t<i>{n}</i>z</p>\n" for n in range(50_000)) + "</r>"
    )
    found = []
    for element in events(path, ["p"]):
        found.append((element.get("n"), "".join(element.itertext())))
    assert found == [(str(n), f"t{n}z") for n in range(50_000)]


@pytest.mark.parametrize("text", ["", "plain", "<r>", "<r><a></r>", "<r>&nbsp;</r>", "<r/><r/>", "\0", "<r a=1/>"])
def test_what_is_no_xml_is_named(text: str) -> None:
    with pytest.raises(BadRecord, match=r"^it is not sound XML"):
        tree(text.encode(), "it")


def test_depth_and_size_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRecord, match="nested 1,000 deep"):
        tree(b"<a>" * 100_000, "it")
    monkeypatch.setattr(xml, "LONGEST", 1 << 18)
    (tmp_path / "x.xml").write_bytes(b"<r><p>" + b"x" * (1 << 20) + b"</p></r>")
    with pytest.raises(BadRecord, match="an element above"):
        list(events(tmp_path / "x.xml", ["p"]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named(data: bytes) -> None:
    for content in (data, b"<r>" + data + b"</r>", b"<!DOCTYPE r [" + data + b"]><r/>"):
        try:
            assert tree(content, "it") is not None
        except BadRecord as error:
            assert str(error).startswith("it ")
