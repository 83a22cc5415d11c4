"""arXiv's tars: every kind of paper in them, and what is no paper."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from arxiv_tars import MAIN, PARTS, PARTS_TEXT, arxiv_tar, header, packed, tar_of

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.readers.formats import format_of
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.papers.arxiv import Arxiv, identity
from hornbook.corpus.readers.record import WHOLE, Chosen, Reading, Record


def paper(body: str, title: str = "T") -> str:
    return f"\\documentclass{{article}}\\title{{{title}}}\\begin{{document}}{body}\\end{{document}}"


def read(path: Path, reader: Arxiv = Arxiv()) -> tuple[list[Record], list[str], list[str]]:  # noqa: B008
    """Return the records of a tar, what was passed over, and what was refused or remarked."""
    bad: list[BadRecord] = []
    passed: list[str] = []
    reading = Reading("text", bad.append, lambda reason, count: passed.append(reason))
    found = list(reader(path, reading, WHOLE))
    return found, passed, [error.reason for error in bad]


def test_a_tar_of_arxiv_becomes_papers_with_their_facts(tmp_path: Path) -> None:
    path = arxiv_tar(
        tmp_path / "arXiv_src_2301_001.tar",
        {
            "2301.00001.gz": packed(tar_of(PARTS)),
            "2301.00002.gz": packed(paper("Alone.")),
            "2301.00003.pdf": b"%PDF-1.5 ...",
            "2301.00004.gz": packed("%auto-ignore\nwithdrawn\n"),
            "2301.00005.gz": packed("\\magnification=1200 Plain. \\bye"),
            "2301.00006.gz": packed("%!PS-Adobe-2.0\n"),
            "2301.00007.gz": packed("<html><body>x</body></html>"),
            "2301.00008.gz": packed(b"%PDF-1.4\n..."),
            "2301.00009.gz": packed(bytes(range(256)) * 8),
            "2301.00010.gz": packed(tar_of({"readme.txt": "none", "a.eps": "%!"})),
            "2301.00011.gz": packed("\\input amstex\n\\documentstyle{amsppt}\n\\document x \\enddocument"),
            "2301.00012.gz": packed(paper("Müller.").encode("latin-1")),
        },
    )
    assert format_of(path).kind == "arxiv"
    found, passed, bad = read(path)
    assert [(record.number, record.text) for record in found] == [
        (1, PARTS_TEXT), (2, "T\n\nAlone."), (12, "T\n\nMüller."),
    ]  # fmt: skip
    assert dict(found[0].meta) == {
        "title": "On Things", "authors": ["Ada Lovelace", "Charles Babbage"], "sections": ["Intro", "End"],
        "arxiv_id": "2301.00001", "url": "https://arxiv.org/abs/2301.00001", "date": "2023-01",
    }  # fmt: skip
    assert found[2].meta["encoding"].startswith("cp1252, unsure")
    assert passed == [
        "a PDF alone, without LaTeX", "withdrawn", "not LaTeX but plain TeX", "PostScript, not LaTeX",
        "HTML, not LaTeX", "PDF, not LaTeX", "encrypted by its authors, or no text", "no main file of LaTeX",
        "not LaTeX but AMS-TeX",
    ]  # fmt: skip
    assert bad == []


def test_a_build_reads_a_tar_by_its_look_and_with_settings(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = arxiv_tar(
        tmp_path / "in/arXiv_src_0303_001.tar", {"math0303005.gz": packed(paper("$x$ \\cite{k} \\ref{r}"))}
    )
    ledger = build([], [str(path)], tmp_path / "one", engine=Engine(workers=1))
    assert [document.text for document in documents(open_corpus(tmp_path / "one"))] == ["T\n\n$x$ [r]"]
    assert ledger["kept"]["documents"] == 1
    chosen = [Chosen("*.tar", Arxiv(math="drop", citations="key", references="drop"))]
    build([], [str(path)], tmp_path / "two", readers=chosen, engine=Engine(workers=1))
    two = next(iter(documents(open_corpus(tmp_path / "two"))))
    assert two.text == "T\n\n[k]"
    assert two.meta["url"] == "https://arxiv.org/abs/math/0303005" and two.meta["date"] == "2003-03"


def test_a_tar_of_one_paper_is_that_paper(tmp_path: Path) -> None:
    path = tmp_path / "2301.00001v2.tar.gz"
    path.write_bytes(packed(tar_of(PARTS)))
    found, passed, bad = read(path)
    assert [record.text for record in found] == [PARTS_TEXT]
    assert found[0].meta["arxiv_id"] == "2301.00001"
    assert passed == bad == []


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"b.tex": paper("Main."), "a.tex": paper("Supplement.")}, "T\n\nSupplement.\n\nT\n\nMain."),
        ({"b.tex": paper("M."), "a.tex": paper("S."), "00README.XXX": "b.tex toplevelfile\n"}, "T\n\nM."),
        ({"b.tex": paper("M."), "a.tex": paper("S."), "00README.XXX": "a.tex ignore\n"}, "T\n\nM."),
        ({"b.tex": paper("M."), "a.tex": paper("S."),
          "00README.json": '{"sources": [{"filename": "b.tex", "usage": "toplevel"}]}'}, "T\n\nM."),
        ({"b.tex": paper("M."), "a.tex": paper("S."),
          "00README.yaml": "sources:\n  - filename: b.tex\n    usage: toplevel\n"}, "T\n\nM."),
        ({"a.tex": paper("\\subfile{b}"), "b.tex": "\\documentclass[a]{subfiles}\\begin{document}Sub.\\end{document}"},
         "T\n\nSub."),
        ({"a.tex": paper("M. \\input{b}"), "b.tex": paper("Part.")}, "T\n\nM. Part."),
        ({"a.tex": "\\documentstyle[12pt]{article}\n\\title{Old}\\begin{document}2.09\\end{document}"}, "Old\n\n2.09"),
        ({"a.tex": "% \\documentclass{x}\nnone", "b.tex": paper("M.")}, "T\n\nM."),
        ({"paper.ii": paper("Odd name.")}, "T\n\nOdd name."),
        ({"d/a.tex": paper("\\input{b}\\import{e/}{c}"), "d/b.tex": "B", "d/e/c.tex": "C \\input{f}", "d/e/f.tex": "F"},
         "T\n\nBC F"),
        ({"a.tex": "\\documentclass{article}\\usepackage[latin1]{inputenc}\\begin{document}\xe9\\end{document}"
          .encode("latin-1")}, "é"),
        ({"a.tex": "\\documentclass{article}\\usepackage[koi8-r]{inputenc}\\begin{document}\xc4\xc1\\end{document}"
          .encode("latin-1")}, "да"),
    ],
)  # fmt: skip
def test_the_main_files_are_found_as_arxiv_finds_them(tmp_path: Path, files: dict[str, str], text: str) -> None:
    path = arxiv_tar(tmp_path / "arXiv_src_2301_001.tar", {"2301.00001.gz": packed(tar_of(files))})
    found, _, bad = read(path)
    assert [record.text for record in found] == [text]
    assert bad == []


def test_hostile_papers_read_nothing_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tex"
    secret.write_text("SECRET")
    hostile = paper(f"a \\input{{/etc/passwd}}\\input{{../secret}}\\input{{{secret}}}\\input{{link}}\\input{{in}} b")
    files = {
        "main.tex": hostile,
        "../secret.tex": "OUTSIDE",
        "link.tex": header("link.tex", tarfile.SYMTYPE, str(secret)),
        "hard.tex": header("hard.tex", tarfile.LNKTYPE, "main.tex"),
        "dev.tex": header("dev.tex", tarfile.CHRTYPE),
        "in.tex": "\\input{in}\\input{main}in",
    }
    papers = {"2301.00001.gz": packed(tar_of(files)), "2301.00002.gz": packed(paper("\\def\\x{\\x\\x}\\x ok"))}
    found, _, bad = read(arxiv_tar(tmp_path / "arXiv_src_2301_001.tar", papers))
    assert [record.text for record in found] == ["T\n\na in b", "T\n\nok"]
    assert bad == ["puts in a file outside of the paper"] * 3


def test_a_bomb_is_refused_and_the_next_paper_is_read(tmp_path: Path) -> None:
    zeros = packed(b"\0" * (1 << 22))
    deep = packed(tar_of({"a.tex": b"x" * (9 << 20), "b.tex": paper("Sound.")}))
    figure = tarfile.TarInfo("a.eps")
    figure.size = 1 << 33
    endless = packed(figure.tobuf()) + zeros * 64
    papers = {"2301.00001.gz": zeros * 64, "2301.00002.gz": deep, "2301.00003.gz": endless}
    found, passed, bad = read(arxiv_tar(tmp_path / "arXiv_src_2301_001.tar", papers))
    assert passed == ["encrypted by its authors, or no text"]
    assert bad == ["unpacks to more than 200 times its size"]
    assert [record.text for record in found] == ["T\n\nSound."]


def test_damage_costs_one_paper(tmp_path: Path) -> None:
    whole = packed(paper("word " * 500))
    papers = {"2301.00001.gz": whole[:-20], "2301.00002.gz": b"no gzip", "2301.00003.gz": packed(paper("Sound."))}
    path = arxiv_tar(tmp_path / "arXiv_src_2301_001.tar", papers)
    found, _, bad = read(path)
    assert [record.text for record in found] == ["T\n\nSound."]
    assert bad == ["gzip data is cut or changed", "not a whole gzip file"]
    path.write_bytes(path.read_bytes()[:1_500])
    with pytest.raises(BadRecord, match="cannot be read to its end"):
        read(path)


def test_a_tar_of_other_things_is_not_arxivs(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"2301/notes.txt": "x"}))
    assert format_of(path).kind == "tar"
    path.write_bytes(tar_of({"2301.00001.gz": packed(MAIN)}))
    assert format_of(path).kind == "tar"


@pytest.mark.parametrize(
    ("name", "number", "month"),
    [
        ("2301.00001.gz", "2301.00001", "2023-01"),
        ("0704.0001v3.gz", "0704.0001", "2007-04"),
        ("math0303005.gz", "math/0303005", "2003-03"),
        ("hep-th9901001.gz", "hep-th/9901001", "1999-01"),
        ("astro-ph/9204001", "", ""),
    ],
)
def test_a_name_tells_number_and_month(name: str, number: str, month: str) -> None:
    found = identity(name)
    assert (found.get("arxiv_id", ""), found.get("date", "")) == (number, month)
