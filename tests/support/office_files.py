"""Files of Office, OpenDocument and e-books, written by hand in their true form."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import WHOLE, Reading, Record


def zipped(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """Write a zip file of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def tolerant(reader: Any, path: Path) -> tuple[list[Record], list[BadRecord], list[str]]:
    """Return the records of a file, what was refused or remarked, and the reasons of what was passed over."""
    bad: list[BadRecord] = []
    passed: list[str] = []
    reading = Reading(bad=bad.append, passed=lambda reason, count: passed.extend([reason] * count))
    records: list[Record] = []
    try:
        records.extend(reader(path, reading, WHOLE))
    except BadRecord as error:
        bad.append(error)
    return records, bad, passed


def one(reader: Any, path: Path) -> Record:
    """Return the one record of a file."""
    (record,) = reader(path, Reading(), WHOLE)
    return record  # type: ignore[no-any-return]


def never_crashes(reader: Any, path: Path, data: bytes) -> None:
    """Read any bytes: records and named refusals, nothing else."""
    path.write_bytes(data)
    for record in tolerant(reader, path)[0]:
        record.text.encode()


def cut_anywhere(reader: Any, path: Path, step: Callable[[int], int] = lambda size: max(size // 60, 1)) -> int:
    """Cut a file at many places, check that each is refused by name, and return how many were tried."""
    data = path.read_bytes()
    cut = path.with_name(f"cut{path.suffix}")
    places = range(0, len(data) - 1, step(len(data)))
    for place in places:
        cut.write_bytes(data[:place])
        records, bad, _ = tolerant(reader, cut)
        assert bad and not records, place
        assert str(cut) in str(bad[0])
    return len(places)


CONTAINER = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""


def epub(path: Path, chapters: Mapping[str, str], metadata: str = "", opf: str = "", **more: str | bytes) -> Path:
    """Write an e-book of chapters: names and bodies of XHTML. `opf` replaces the package file; `more` are parts."""
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    opf = opf or (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">'
        f"{metadata}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": opf,
    }
    for name, body in chapters.items():
        parts[f"OEBPS/{name}.xhtml"] = (
            '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
            f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>no</title></head>{body}</html>'
        )
    return zipped(path, {**parts, **more})


_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org"
_RELATIONS = f'<Relationships xmlns="{_MAIN}/package/2006/relationships">'
WORD_NAMES = (
    f'xmlns:w="{_MAIN}/wordprocessingml/2006/main" xmlns:m="{_MAIN}/officeDocument/2006/math" xmlns:r="{_TYPES}" '
    f'xmlns:mc="{_MAIN}/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml" '
    f'xmlns:a="{_MAIN}/drawingml/2006/main" xmlns:dgm="{_MAIN}/drawingml/2006/diagram" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)


def relations(items: Mapping[str, tuple[str, str]]) -> str:
    """Return a part of relations: ids, and the kind and target of each; a target with `://` is outside."""
    return (
        _RELATIONS
        + "".join(
            f'<Relationship Id="{name}" Type="{_TYPES}/{kind}" Target="{target}"'
            + (' TargetMode="External"/>' if "://" in target else "/>")
            for name, (kind, target) in items.items()
        )
        + "</Relationships>"
    )


def docx(path: Path, body: str, **parts: str) -> Path:
    """Write a document of Word of this body; `parts` are the contents of styles, numbering, footnotes, endnotes."""
    inner = {name: content for name, content in parts.items() if "/" not in name}
    files = {f"word/{name}.xml": f"<w:{name} {WORD_NAMES}>{content}</w:{name}>" for name, content in inner.items()}
    return zipped(
        path,
        {
            "_rels/.rels": relations({"r1": ("officeDocument", "word/document.xml")}),
            "word/document.xml": f"<w:document {WORD_NAMES}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations({name: (name, f"{name}.xml") for name in inner}),
            **files,
            **{name: content for name, content in parts.items() if "/" in name},
        },
    )


def p(text: str, properties: str = "") -> str:
    """Return a paragraph of Word with one run."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
