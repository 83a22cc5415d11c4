"""PDF: words against pdftotext's, time a page against pypdf's, on documents that this script makes and on yours.

    python benchmarks/pdf.py                    documents of reportlab, and a page printed by Chromium where there is one
    python benchmarks/pdf.py --folder PDFS      every .pdf below a folder, too
    python benchmarks/pdf.py --out result.json

The measure of words, for two texts of one document: letters as NFKC has them (so that ligatures and superscripts are
letters and digits), hyphens taken out, also those at line ends with the line end; a word is a run of letters and digits
with inner points, commas and apostrophes; a Chinese or Japanese character is a word. Running heads do not count: words
that we lack and pdftotext has are forgiven where they stand in lines at the edges of pages that repeat on two pages
(three, from four pages on) but for their digits. The score is 2 x common / (ours + theirs), as multisets, so that 1 means the same
words as often. The order of words is not measured here but held by tests. pdftotext is GPL: it is used where it is
installed, and nothing of it is part of Hornbook.

Time is that of the processor, of whole documents in one process, divided by pages; ours is the time without the process
of its own, whose cost is measured apart: its start, and a document of one word through it.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hornbook.corpus.readers.files.pdf_document import Refused, read_document
from hornbook.corpus.readers.files.pdf_process import read_apart

EASTERN = "\u2e80-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{EASTERN}]|[^\W_{EASTERN}]+(?:['’.,][^\W_{EASTERN}]+)*")
TEXT = (
    "The language of a people is the record of what they have done together, and whoever reads old letters in a "
    "harbour finds ships and weather and money in every line, because that was the world in which these letters were written. "
)


def varied(number: int) -> str:
    """Return a text whose lines are others for each number, as lines that repeat would be running heads."""
    given = (TEXT * 4).split()
    return " ".join(given[(step * (number + 3)) % len(given)] for step in range(len(given)))


def words(text: str) -> Counter[str]:
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "-").replace("\u2010", "-")
    return Counter(WORD.findall(re.sub(r"(?<=\w)-\s*\n\s*", "", text).replace("-", "")))


def heads(text: str) -> Counter[str]:
    """Return the words of lines at the edges of pages that repeat but for their digits, or have no letter."""
    pages = [[line.strip() for line in page.split("\n") if line.strip()] for page in text.split("\f") if page.strip()]
    edges = [page[:5] + page[-5:] if len(page) > 10 else page for page in pages]
    masked = [[re.sub(r"\d+", "#", line.lower()) for line in edge] for edge in edges]
    seen = Counter(line for edge in masked for line in set(edge))
    least = 2 if len(pages) < 4 else 3
    lines = [
        line
        for edge, masks in zip(edges, masked, strict=True)
        for line, mask in zip(edge, masks, strict=True)
        if seen[mask] >= least or not re.search(r"[^\W\d]", line)
    ]
    return words("\n".join(lines))


def score(ours: str, theirs: str) -> float:
    mine, other = words(ours), words(theirs)
    other = other - ((other - mine) & heads(theirs))
    return 2 * (mine & other).total() / max(mine.total() + other.total(), 1)


def pages_of(folder: Path) -> list[Path]:
    """Make documents of one and two columns with reportlab, and print one with Chromium where it is installed."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Table

    style = getSampleStyleSheet()
    made = []
    for count in (1, 2, 3):
        path = folder / f"columns-{count}.pdf"
        width = (A4[0] - 100) / count
        frames = [Frame(50 + number * width, 50, width - 8, A4[1] - 100) for number in range(count)]
        document = BaseDocTemplate(str(path), pagesize=A4, invariant=1)
        document.addPageTemplates([PageTemplate(frames=frames)])
        flow: list[Any] = []
        for number in range(60):
            flow += [
                Paragraph(f"{number + 1} Of ships", style["Heading2"]),
                Paragraph(varied(number), style["BodyText"]),
            ]
        flow.append(Table([["Town", "People"], ["Hull", "12"], ["Whitby", "7"]]))
        document.build(flow)
        made.append(path)
    if browser := shutil.which("chromium") or shutil.which("google-chrome"):
        page = folder / "page.html"
        page.write_text(
            "<h1>Of ships</h1>"
            + "".join(f"<h2>A part</h2><p>{varied(number)}</p><ul><li>one<li>two</ul>" for number in range(40))
        )
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--print-to-pdf={folder / 'chromium.pdf'}",
            str(page),
        ]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
        made += [path for path in [folder / "chromium.pdf"] if path.exists()]
    return made


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def by_pypdf(path: Path) -> str:
    import pypdf

    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def by_pdftotext(path: Path) -> str:
    command = ["pdftotext", "-enc", "UTF-8", str(path), "-"]
    return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode("utf-8", "replace")


def measured(path: Path) -> dict[str, Any]:
    try:
        ours, document = seconds(lambda: read_document(str(path), lambda: None))
    except Refused as error:
        return {"file": path.name, "refused": error.reason}
    theirs, other = seconds(lambda: by_pypdf(path))
    pages = document.facts["pages"]
    found: dict[str, Any] = {"file": path.name, "pages": pages, "characters a page": len(document.text) // pages}
    found |= {"ms a page": round(1000 * ours / pages, 1), "ms a page, pypdf": round(1000 * theirs / pages, 1)}
    if shutil.which("pdftotext"):
        reference = by_pdftotext(path)
        found["words as pdftotext"] = round(score(document.text, reference), 4)
        found["words as pdftotext, pypdf"] = round(score(other, reference), 4)
    return found


def apart(path: Path) -> dict[str, float]:
    """Return what the process of its own costs, in milliseconds of the clock: its start, and one more document."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        read_apart(path)
        times.append(1000 * (time.perf_counter() - start))
    here, _ = seconds(lambda: [read_document(str(path), lambda: None) for _ in range(20)])
    return {
        "first": round(times[0], 1),
        "a small document": round(min(times[1:]), 2),
        "the same here": round(50 * here, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="PDFs of yours")
    parser.add_argument("--out", type=Path, help="write the result as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made = pages_of(Path(name))
        small = Path(name, "small.pdf")
        from reportlab.pdfgen.canvas import Canvas

        canvas = Canvas(str(small))
        canvas.drawString(72, 700, "word")
        canvas.save()
        result = {
            "command": "python benchmarks/pdf.py" + (" --folder PDFS" if given.folder else ""),
            "machine": {"processor": platform.processor() or platform.machine(), "python": platform.python_version()},
            "process of its own, ms": apart(small),
            "documents made here": [measured(path) for path in made],
            "documents given": [measured(path) for path in sorted(given.folder.rglob("*.pdf"))] if given.folder else [],
        }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
