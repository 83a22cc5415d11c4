r"""arXiv's sources -> a record a paper: `arXiv_src_YYMM_NNN.tar`, where a paper is a .gz of one file or of a tar.

Papers of which there is a PDF alone, withdrawn ones and those in other formats of TeX are passed over, with the reason.
(https://info.arxiv.org/help/bulk_data_s3.html)
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hornbook.corpus.document import with_fields
from hornbook.corpus.readers.archives import MOST, Pieces, members
from hornbook.corpus.readers.encodings import UTF8, Undecodable
from hornbook.corpus.readers.packed import BadRecord, Member, Place, other_format, shown, unpacked
from hornbook.corpus.readers.papers.latex.paper import Paper, read_latex
from hornbook.corpus.readers.papers.latex.project import LARGEST, Project, is_wanted, other_tex
from hornbook.corpus.readers.papers.latex.reader import Style
from hornbook.corpus.readers.papers.tex import facts, told
from hornbook.corpus.readers.record import Part, Reading, Record, noted

_NEW = re.compile(r"(\d{2})(\d{2})\.(\d{4,5})(?:v\d+)?")  # since April 2007
_OLD = re.compile(r"([a-z-]+(?:\.[A-Z]{2})?)[/_]?(\d{2})(\d{2})(\d{3})(?:v\d+)?")
_PAPER = re.compile(rf"(?:{_NEW.pattern}|{_OLD.pattern})\.(?:gz|pdf)")
_FILES = 5_000  # of a paper
_TOTAL = 1 << 26  # bytes of LaTeX of a paper


def begins(start: bytes) -> bool:
    """Say whether a tar begins as arXiv's do: with a paper in the folder of its month."""
    for block in (start[:512], start[512:1024]):
        name = block[:100].split(b"\0")[0].decode("latin-1").removeprefix("./")
        folder, _, file = name.rpartition("/")
        if not re.fullmatch(r"(?:.*/)?\d{4}", folder):
            return False
        if file:
            return _PAPER.fullmatch(file) is not None
    return False


@dataclass(frozen=True)
class Arxiv(Style):
    r"""The sources of papers as arXiv publishes them, or those of one paper.

    math        formulas: "latex" between dollars, in letters of "unicode" (pylatexenc), or "drop"
    captions    keep the captions of figures and tables
    citations   "drop", where only those that are words of a sentence leave their key in brackets, or "key"
    references  to figures, formulas and sections: "key", their label in brackets, or "drop"
    """

    def __call__(self, place: Place, reading: Reading, part: Part) -> Iterator[Record]:
        """Yield the text of each paper; its number is its place in the archive."""
        self.check()
        own = Project()
        for number, (member, inner) in enumerate(members(place, reading), start=1):
            name = shown(member).rpartition("/")[2]
            if not _PAPER.fullmatch(name):
                _keep(own, member, shown(place), inner)
                continue
            try:
                yield from self._paper(member, number, inner)
            except BadRecord as error:
                reading.refuse(error)
        if own.files:
            yield from self._read(own, 1, shown(place), reading)

    def _paper(self, member: Member, number: int, reading: Reading) -> Iterator[Record]:
        if shown(member).endswith(".pdf"):
            reading.pass_over("a PDF alone, without LaTeX")
            return
        project = Project()
        if reason := unpack(project, member, reading):
            reading.pass_over(reason)
            return
        yield from self._read(project, number, shown(member), reading)

    def _read(self, project: Project, number: int, name: str, reading: Reading) -> Iterator[Record]:
        """Yield the paper of a project: the text of its main files."""
        try:
            mains = project.mains()
            sources = [project.source(main) for main in mains]
        except Undecodable as error:
            raise BadRecord(f"{name} is not text ({error}).", str(error)) from error
        if others := [other for source in sources or _texts(project) if (other := other_tex(source))]:
            reading.pass_over(f"not LaTeX but {others[0]}")
            return
        if not sources:
            reading.pass_over("no main file of LaTeX")
            return
        papers = [
            read_latex(source, _from(project, main.rpartition("/")[0]), self, main.rpartition("/")[2])
            for main, source in zip(mains, sources, strict=True)
        ]
        first = papers[0]
        whole = Paper(
            "\n\n".join(paper.text for paper in papers if paper.text),
            first.title,
            first.authors,
            [section for paper in papers for section in paper.sections],
            [outside for paper in papers for outside in paper.outside],
            any(paper.bounded for paper in papers),
        )
        told(whole, name, reading)
        if not whole.text.strip():
            reading.pass_over("LaTeX without text")
            return
        if reading.strict and project.guessed.note:
            raise BadRecord(f"{name} is not UTF-8 text, and names no encoding.", "not UTF-8")
        record = Record(number, whole.text, with_fields(facts(whole), identity(name)))
        yield noted(record, project.guessed or UTF8)


def identity(name: str) -> dict[str, Any]:
    """Return what the name of a paper's file tells: its number, address and month; none where it has no such name."""
    base = name.rpartition("/")[2]
    if found := _NEW.match(base):
        number, month = f"{found[1]}{found[2]}.{found[3]}", f"20{found[1]}-{found[2]}"
    elif found := _OLD.match(base):
        number = f"{found[1]}/{found[2]}{found[3]}{found[4]}"
        month = f"{'19' if int(found[2]) > 90 else '20'}{found[2]}-{found[3]}"
    else:
        return {}
    return {"arxiv_id": number, "url": f"https://arxiv.org/abs/{number}", "date": month}


def _from(project: Project, folder: str) -> Any:
    """Return what finds the files that a main file in this folder puts in."""

    def find(name: str, base: str) -> str | None:
        found = project.find(name, f"{folder}/{base}".strip("/"))
        return found if found is not None or not folder else project.find(name, base)

    return find


def _texts(project: Project) -> list[str]:
    return [
        data.decode("latin-1")
        for name, data in sorted(project.files.items())
        if name.lower().endswith((".tex", ".ltx"))
    ]


def _keep(project: Project, member: Member, root: str, reading: Reading) -> None:
    """Keep a file of a paper whose files the archive itself holds."""
    with member.open() as stream:
        data = stream.read(LARGEST + 1)
    if len(project.files) < _FILES and sum(map(len, project.files.values())) < _TOTAL:
        project.add(shown(member).removeprefix(root + "/"), data)


def unpack(project: Project, member: Member, reading: Reading) -> str:
    """Unpack a paper: a tar of its files, or its one file. Return why there is nothing to read, if so.

    Raises BadRecord for what is damaged, and for what unpacks to more than its archive may.
    """
    name = shown(member)
    pieces = _paid(unpacked(member), name, reading)
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= 1024:
            break
    if not _is_tar(start):
        return _single(project, start, pieces)
    encrypted = False
    with contextlib.closing(Pieces(itertools.chain((start,), pieces))) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as opened:
                total = 0
                for item in opened:
                    opened.members.clear()  # type: ignore[attr-defined]  # else it keeps one for every file
                    encrypted = encrypted or item.name.endswith(".cry")
                    if not item.isfile() or ".." in item.name.split("/") or not is_wanted(item.name, item.size):
                        continue
                    total += item.size
                    if total > _TOTAL or len(project.files) >= _FILES:
                        break
                    data = opened.extractfile(item)
                    project.add(item.name.lstrip("/"), data.read() if data else b"")
        except (tarfile.TarError, EOFError, ValueError) as error:
            if not project.files:
                raise BadRecord(f"{name} is a damaged tar ({error}).", "damaged tar archive") from error
    return "encrypted by its authors" if encrypted and not project.mains() else ""


def _single(project: Project, start: bytes, pieces: Iterator[bytes]) -> str:
    """Keep the one file of a paper, if it is LaTeX."""
    kind = other_format(start[:4096])
    if start.startswith(b"%!"):
        kind = "PostScript"
    elif start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        kind = "HTML"
    if kind:
        return "encrypted by its authors, or no text" if kind == "binary" else f"{kind}, not LaTeX"
    data = bytearray(start)
    for piece in pieces:
        data += piece
        if len(data) > LARGEST:
            return "too long for LaTeX"
    if data.startswith(b"%auto-ignore"):
        return "withdrawn"
    project.files["main.tex"] = bytes(data)
    return ""


def _paid(pieces: Iterator[bytes], name: str, reading: Reading) -> Iterator[bytes]:
    for piece in pieces:
        if reading.unpacks is not None:
            reading.unpacks.left -= len(piece)
            if reading.unpacks.left < 0:
                reason = f"unpacks to more than {MOST} times its size"
                raise BadRecord(f"{name} is in an archive that {reason}: it is not read.", reason)
        yield piece


def _is_tar(start: bytes) -> bool:
    """Say whether a header of tar stands here: its sum is right (POSIX.1-1988, pax)."""
    try:
        return len(start) >= 512 and tarfile.TarInfo.frombuf(start[:512], "utf-8", "surrogateescape").chksum > 0
    except tarfile.HeaderError:
        return False
