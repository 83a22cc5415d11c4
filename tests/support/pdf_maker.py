"""PDFs with known text, made by reportlab at exact places, or written byte by byte where reportlab is too sound."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

Draw = Callable[[Canvas], None]
PAGE = (612.0, 792.0)
# Words of one, two and three syllables; a soft hyphen stands where a line may break.
_TEXT = """the lan~guage of a peo~ple is the rec~ord of what they have done to~geth~er and who~ev~er reads old let~ters
in a har~bour finds ships and weath~er and mon~ey in ev~ery line be~cause that was the world in which these let~ters
were writ~ten and nei~ther the mer~chant nor his broth~er knew of an~oth~er one"""
WORDS = _TEXT.replace("~", "\u00ad").split()


def made(path: Path, *pages: Draw, size: tuple[float, float] = PAGE, **facts: str) -> Path:
    """Write a PDF whose pages are drawn by functions; facts are title, author, lang."""
    canvas = Canvas(str(path), pagesize=size, lang=facts.get("lang"), invariant=1)
    if "title" in facts:
        canvas.setTitle(facts["title"])
    if "author" in facts:
        canvas.setAuthor(facts["author"])
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def sentence(count: int, start: int = 0) -> str:
    """Return so many words as a sentence, with its soft hyphens."""
    words = [WORDS[(start + index) % len(WORDS)] for index in range(count)]
    text = " ".join(words)
    return text[0].upper() + text[1:] + "."


def plain(text: str) -> str:
    """Return a text without soft hyphens."""
    return text.replace("\u00ad", "")


def wrapped(text: str, width: float, font: str = "Times-Roman", size: float = 10, indent: float = 0) -> list[str]:
    """Break a text into lines no wider than `width`, at blanks and at soft hyphens."""
    lines, line = [], ""
    for word in text.split():
        parts = word.split("\u00ad")
        for cut in range(len(parts), -1, -1):
            head, tail = "".join(parts[:cut]), "".join(parts[cut:])
            piece = head + ("-" if tail and head else "")
            trial = f"{line} {piece}".strip()
            room = width - (indent if not lines else 0)
            if stringWidth(trial, font, size) <= room:
                break
        line = trial
        if tail:
            lines.append(line)
            line = tail
    return [*lines, line]


def column(
    canvas: Canvas,
    lines: Sequence[str],
    x: float,
    y: float,
    width: float = 0,
    size: float = 10,
    leading: float = 12,
    font: str = "Times-Roman",
    indent: float = 0,
) -> float:
    """Draw lines from (x, y) down, spread to `width` but for the last, and return the y of the next."""
    canvas.setFont(font, size)
    for number, line in enumerate(lines):
        begin = x + (indent if not number else 0)
        words = line.split(" ")
        gap = 0.0
        if width and number < len(lines) - 1 and len(words) > 1:
            free = width - (begin - x) - sum(stringWidth(word, font, size) for word in words)
            gap = free / (len(words) - 1)
        for word in words if gap else [line]:
            canvas.drawString(begin, y, word)
            begin += stringWidth(word, font, size) + gap
        y -= leading
    return y


def raw(path: Path, *objects: str | bytes, trailer: str = "") -> Path:
    """Write a PDF of objects 1, 2, ... of which the first is the catalogue, with a sound table of their places."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        data = body if isinstance(body, bytes) else body.encode("latin-1")
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, data))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(places) + 1, trailer.encode()))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    path.write_bytes(out.getvalue())
    return path


def stream(data: bytes, facts: str = "", packed: bool = False) -> bytes:
    """Return a stream object's body."""
    if packed:
        data, facts = zlib.compress(data, 9), facts + " /Filter /FlateDecode"
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), facts.encode(), data)


def lettered(
    path: Path, lines: Sequence[tuple[float, float, str]], size: float = 12, page: str = "[0 0 600 800]"
) -> Path:
    """Write a PDF whose font draws any letters: (x, y, text in the order from left to right), 0.6 of the size each.

    The font is one of PDF's own with a table that says which letter each code stands for, as programs write it.
    """
    letters = sorted({letter for _, _, text in lines for letter in text if letter != " "})
    codes = {letter: 33 + index for index, letter in enumerate(letters)} | {" ": 32}
    assert len(letters) < 220
    entries = "\n".join(f"<{code:02x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items())
    table = "/CIDInit /ProcSet findresource begin\nbegincmap\n1 begincodespacerange\n<00> <ff>\nendcodespacerange\n"
    table += f"{len(codes)} beginbfchar\n{entries}\nendbfchar\nendcmap\nend"
    shown = "\n".join(
        f"1 0 0 1 {x} {y} Tm <{''.join(f'{codes[letter]:02x}' for letter in text)}> Tj" for x, y, text in lines
    )
    widths = " ".join(["600"] * 224)
    return raw(
        path,
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {page} /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        stream(f"BT /F {size} Tf\n{shown}\nET".encode()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FirstChar 32 /LastChar 255"
        f" /Widths [{widths}] /ToUnicode 6 0 R >>",
        stream(table.encode()),
    )


def text_of(path: Path) -> str:
    """Return the text of a PDF, read in this process."""
    from hornbook.corpus.readers.files.pdf_document import read_document

    return read_document(str(path), lambda: None).text
