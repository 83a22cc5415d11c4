"""The running text of an element of JATS: marks of citations are dropped, formulas stand between dollars."""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree.ElementTree import Element

from hornbook.corpus.readers.files.formulas import mathml
from hornbook.corpus.readers.files.prose import superscript
from hornbook.corpus.readers.papers.latex.layout import DISPLAY

_CITED, _NAMED, _END = "\x03", "\x05", "\x06"  # a citation by number; one by name, and its end
_DEEPEST = 80
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_NUMBERS = re.compile(rf" ?[(\[][ ,;–—-]*+{_CITED}[ {_CITED},;–—-]*+[)\]]| ?{_CITED}(?: ?[,;–—-]? ?{_CITED})*")
_NAMES = re.compile(rf" ?[(\[]\s*(?:{_NAMED}[^{_NAMED}{_END}]*{_END}[\s,;]*(?:and\s+)?)+[)\]]")
_WHITE = re.compile(r"[ \t\r\n]+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TEX = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)
_OUT = {
    "graphic", "inline-graphic", "media", "object-id", "label", "alt-text", "long-desc", "private-char", "index-term",
    "milestone-start", "milestone-end", "inline-supplementary-material",
}  # fmt: skip


def inline(element: Element, without: Collection[str] = ()) -> str:
    """Return the text of an element in one line; elements of the tags `without` are left out."""
    held: list[str] = []
    _gather(element, held, without, 0)
    text = _WHITE.sub(" ", "".join(held))
    if _CITED in text:
        text = _NUMBERS.sub("", text)
    if _NAMED in text:
        text = _NAMES.sub("", text).replace(_NAMED, "").replace(_END, "")
    return re.sub(rf" ?{DISPLAY}(?:[ {DISPLAY}])*", "\n", text).strip(" \n")


def _gather(element: Element, held: list[str], without: Collection[str], depth: int) -> None:
    if depth > _DEEPEST:
        held.append(_sound("".join(element.itertext())))
        return
    held.append(_sound(element.text or ""))
    for child in element:
        tag = child.tag
        if tag == "xref" and child.get("ref-type") == "bibr":
            words = _sound("".join(child.itertext()))
            held.append(_CITED if not re.search(r"[^\W\d_]{2}", words) else f"{_NAMED}{words}{_END}")
        elif tag == "xref" and child.get("ref-type") in ("aff", "corresp", "fn", "table-fn", "author-notes"):
            pass
        elif tag in ("inline-formula", "disp-formula", "tex-math", f"{_MATHML}math"):
            held.append(formula(child, display=tag == "disp-formula"))
        elif tag == "sup":
            _raised(child, held, depth)
        elif tag == "fn":
            held.append(f" ({inline(child)})")
        elif tag in ("break", "p", "title", "list-item", "def-item", "td", "sec", "disp-quote"):
            held.append(" ")
            if tag not in without:
                _gather(child, held, without, depth + 1)
            held.append(" ")
        elif tag == "alternatives":
            for choice in list(child)[:1]:
                _gather(choice, held, without, depth + 1)
        elif tag not in _OUT and tag not in without:
            _gather(child, held, without, depth + 1)
        held.append(_sound(child.tail or ""))


def _sound(text: str) -> str:
    return _CONTROLS.sub("", text)


def _raised(element: Element, held: list[str], depth: int) -> None:
    """Write what stands high: a citation is dropped, figures are raised, anything else is text."""
    inner: list[str] = []
    _gather(element, inner, (), depth + 1)
    text = "".join(inner)
    if _CITED in text and not text.strip(f"{_CITED} ,;–—-[]()"):
        held.append(_CITED)
    else:
        held.append(superscript(held[-1][-3:] if held else "", text))


def formula(element: Element, display: bool) -> str:
    """Return a formula between dollars: its TeX, else MathML as LaTeX; "" of a picture."""
    tex = next(element.iter("tex-math"), None)
    maths = next(element.iter(f"{_MATHML}math"), None)
    text = ""
    if tex is not None:
        whole = "".join(tex.itertext())
        text = (found[1] if (found := _TEX.search(whole)) else whole).strip().strip("$").strip()
        text = text.removeprefix("\\[").removesuffix("\\]") if text.startswith("\\[") else text
    elif maths is not None:
        note = next(
            (item for item in maths.iter(f"{_MATHML}annotation") if "tex" in item.get("encoding", "").lower()), None
        )
        said = maths.get("alttext") or ("".join(note.itertext()) if note is not None else mathml(maths))
        text = said.strip().strip("$").strip()
    elif not display or not any(child.tag == "graphic" for child in element):
        inner = Element("p")
        inner.text = element.text
        inner.extend([child for child in element if child.tag not in ("label", "graphic", "inline-graphic")])
        text = inline(inner)
        return f"{DISPLAY}{text}{DISPLAY}" if display else text
    text = _WHITE.sub(" ", _sound(text))
    if not text:
        return " "
    return f"{DISPLAY}$${text}$${DISPLAY}" if display else f"${text}$"
