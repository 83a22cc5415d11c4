r""".tex files by themselves and in the folder of a paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from arxiv_tars import PARTS, PARTS_TEXT

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read
from hornbook.corpus.readers.formats import PlainText, records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.papers.tex import Latex
from hornbook.corpus.readers.record import WHOLE, Chosen, Reading
from hornbook.errors import UserError


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def told(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the texts of a file, what was passed over, and what was refused or remarked."""
    bad: list[BadRecord] = []
    passed: list[str] = []
    found = records(path, Reading("text", bad.append, lambda reason, count: passed.append(reason)))
    return [record.text for record in found], passed, [error.reason for error in bad]


def test_a_folder_of_a_paper_is_one_document(tmp_path: Path) -> None:
    written(tmp_path, {name: text for name, text in PARTS.items() if name.endswith(".tex")})
    written(tmp_path, {"notes.tex": "A \\emph{note} of 5\\%."})
    (tmp_path / "sections/intro.tex").write_text("\\newcommand{\\R}{\\mathbb{R}}" + PARTS["sections/intro.tex"])
    found = list(read([str(tmp_path)]))
    assert [document.text for document in found] == [PARTS_TEXT, "A note of 5%."]
    assert found[0].meta["authors"] == ["Ada Lovelace", "Charles Babbage"]
    assert told(tmp_path / "sections/intro.tex") == ([], ["part of another LaTeX file"], [])
    assert told(tmp_path / "sections/end.tex") == ([], ["part of another LaTeX file"], [])


def test_parts_of_parts_are_parts(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "thesis.tex": "\\documentclass{book}\\begin{document}\\import{ch/}{one}\\end{document}",
            "ch/one.tex": "One \\input{two} \\subimport{deep/}{three}",
            "ch/two.tex": "Two",
            "ch/deep/three.tex": "Three",
            "ch/standing.tex": "Alone",
        },
    )
    assert [document.text for document in read([str(tmp_path)])] == ["Alone", "One Two Three"]


def test_the_account_says_what_was_left_out_and_a_recipe_has_the_raw_text(tmp_path: Path) -> None:
    written(
        tmp_path / "in",
        {
            "a.tex": "\\documentclass{article}\\begin{document}\\input{b}\\end{document}",
            "b.tex": "B",
            "c.tex": "x\\bye",
        },
    )
    ledger = build([], [str(tmp_path / "in")], tmp_path / "one", engine=Engine(workers=1))
    assert ledger["passed_over"]["reasons"] == {"not LaTeX but plain TeX": 1, "part of another LaTeX file": 1}
    assert [document.text for document in documents(open_corpus(tmp_path / "one"))] == ["B"]
    raw = [Chosen("*.tex", PlainText())]
    build([], [str(tmp_path / "in")], tmp_path / "two", readers=raw, engine=Engine(workers=1))
    assert [document.text[:4] for document in documents(open_corpus(tmp_path / "two"))] == ["\\doc", "B", "x\\by"]


def test_links_and_names_that_lead_outside_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.tex").write_text("SECRET")
    folder = written(
        tmp_path / "paper",
        {
            "main.tex": "\\documentclass{article}\\begin{document}a \\input{../secret}"
            f"\\input{{{tmp_path}/secret}}\\input{{link}}\\input{{main}} b\\end{{document}}"
        },
    )
    (folder / "link.tex").symlink_to(tmp_path / "secret.tex")
    assert told(folder / "main.tex") == (["a b"], [], ["puts in a file outside of the paper"] * 2)


def test_old_encodings_are_read_as_they_are_named(tmp_path: Path) -> None:
    head = "\\documentclass{article}\\usepackage[latin1]{inputenc}\\begin{document}"
    written(tmp_path, {"a.tex": f"{head}caf\xe9 \\input{{b}}\\end{{document}}".encode("latin-1"), "b.tex": b"\xfc"})
    assert [document.text for document in read([str(tmp_path)])] == ["café ü"]
    written(tmp_path, {"a.tex": b"caf\xe9 and a few words more", "b.tex": b"x"})
    with pytest.raises(UserError, match="is not UTF-8 text, and names no encoding"):
        list(read([str(tmp_path / "a.tex")]))
    assert told(tmp_path / "a.tex")[0] == ["café and a few words more"]


def test_other_formats_of_tex_are_named(tmp_path: Path) -> None:
    for name, text in {
        "plain TeX": "\\magnification=1200 x",
        "AMS-TeX": "\\input amstex \\documentstyle{amsppt} x",
        "plain TeX (harvmac)": "\\input harvmac\nx",
        "ConTeXt": "\\starttext x \\stoptext",
        "Texinfo": "\\input texinfo\n@settitle x",
        "plain TeX (phyzzx)": "\\input phyzzx",
    }.items():
        written(tmp_path, {"a.tex": text})
        assert told(tmp_path / "a.tex") == ([], [f"not LaTeX but {name}"], []), name


def test_a_file_of_drawings_alone_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path, {"a.tex": "\\begin{tikzpicture}\\draw (0,0);\\end{tikzpicture}"})
    assert told(tmp_path / "a.tex") == ([], ["LaTeX without text"], [])


def test_formulas_in_letters_and_other_settings(tmp_path: Path) -> None:
    path = (
        written(tmp_path, {"a.tex": "$\\alpha^2 \\le \\mathbb{R}$ \\cite{k}\\begin{figure}\\caption{C}\\end{figure}"})
        / "a.tex"
    )

    def text(**settings: object) -> str:
        return next(Latex(**settings)(path, Reading(), WHOLE)).text  # type: ignore[arg-type]

    assert text() == "$\\alpha^2 \\le \\mathbb{R}$\n\nFigure: C"
    assert text(math="unicode") == "α^2 ≤ℝ\n\nFigure: C"
    assert text(math="drop", captions=False, citations="key") == "[k]"


def test_a_file_that_is_no_text_or_too_long_is_named(tmp_path: Path) -> None:
    written(tmp_path, {"a.tex": bytes(range(256)) * 20, "b.tex": b"a " * (5 << 20)})
    assert told(tmp_path / "a.tex")[2] == ["binary data under another ending"]
    assert told(tmp_path / "b.tex")[2] == ["too long for LaTeX"]
