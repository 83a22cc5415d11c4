"""How fast LaTeX becomes text, and what markup is left in it: our scanner beside pylatexenc and TexSoup.

    python benchmarks/papers.py PAPER.tex ... arXiv_src_*.tar ... [--write]

Each main file is read by itself, without the files that it puts in, on one core; the best of three runs counts. Markup
that is left: commands outside of formulas. A peer that is not installed is left out; pylatexenc comes with the extra
`sources`.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hornbook.corpus.readers.archives import members
from hornbook.corpus.readers.papers.arxiv import unpack
from hornbook.corpus.readers.papers.latex.paper import read_latex
from hornbook.corpus.readers.papers.latex.project import Project, decoded_source, leads
from hornbook.corpus.readers.papers.latex.reader import Style
from hornbook.corpus.readers.record import Reading

RESULT = Path(__file__).parent / "results" / "papers.json"
_FORMULA = re.compile(
    r"\$\$[^$]*\$\$|\$[^$]*\$|\\begin\{(equation|align|eqnarray|gather)(\*?)\}.*?\\end\{\1\2\}", re.DOTALL
)
_COMMAND = re.compile(r"\\[a-zA-Z]{2,}")


def sources(path: Path) -> Iterator[str]:
    """Yield the main files of a .tex file or of a tar of arXiv."""
    if path.suffix != ".tar":
        source = decoded_source(path.read_bytes())[0]
        yield from [source] if leads(source) else []
        return
    for member, inner in members(path, Reading(bad=lambda error: None)):
        project = Project()
        if member.name.endswith(".gz") and not unpack(project, member, inner):
            yield from (source for name in project.mains() if leads(source := project.source(name)))


def ours(source: str) -> str:
    return read_latex(source, lambda name, folder: None, Style()).text


def pylatexenc(source: str) -> str:
    from pylatexenc.latex2text import LatexNodes2Text

    return str(LatexNodes2Text(math_mode="verbatim").latex_to_text(source))


def texsoup(source: str) -> str:
    from TexSoup import TexSoup

    return "".join(map(str, TexSoup(source, tolerance=1).text))


def measured(convert: Callable[[str], str], papers: list[str]) -> dict[str, object]:
    """Return kB of source a second and what became of the papers."""
    best, failed, left, letters = 0.0, 0, 0, 0
    for source in papers:
        seconds = []
        text = ""
        for _ in range(3):
            begun = time.process_time()
            try:
                text = convert(source)
            except Exception:  # what a peer stumbles over is counted
                failed += 1
                break
            seconds.append(time.process_time() - begun)
        best += min(seconds, default=0.0)
        letters += len(source) if seconds else 0
        left += len(_COMMAND.findall(_FORMULA.sub("", text)))
    rate = round(letters / best / 1000) if best else 0
    return {"kilobytes_a_second": rate, "failed": failed, "commands_left_outside_of_formulas": left}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    papers = [source for path in given.papers for source in sources(path)]
    results: dict[str, object] = {"papers": len(papers), "kilobytes": sum(map(len, papers)) // 1000}
    for name, convert in {"hornbook": ours, "pylatexenc": pylatexenc, "TexSoup": texsoup}.items():
        try:
            label = f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
        results[label] = measured(convert, papers)
        print(label, results[label])
    if given.write:
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
