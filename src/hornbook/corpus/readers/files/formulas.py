"""Formulas of MathML and of Office (OMML) -> LaTeX between dollars; letters and signs stay as they are written.

What a page says of itself in LaTeX (`alttext`, an annotation) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hornbook.corpus.readers.files.prose import tidy

_DEEPEST = 60  # of a formula: what lies deeper is text in a row
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "overline", "\u0307": "dot",
            "\u0308": "ddot", "\u20d7": "vec", "\u030c": "check", "^": "hat", "~": "tilde", "¯": "bar", "→": "vec",
            "˙": "dot", "¨": "ddot", "‾": "overline", "_": "underline", "ˇ": "check"}  # fmt: skip
_LATEX = ("application/x-tex", "TeX", "LaTeX", "application/x-latex")


def dollars(formula: str, display: bool = False) -> str:
    """Return a formula between dollars, "" for an empty one."""
    formula = " ".join(tidy(formula).split())
    return f"$${formula}$$" if formula and display else f"${formula}$" if formula else ""


def braced(text: str) -> str:
    """Return an argument: one character, or a group."""
    return text if len(text) == 1 else f"{{{text}}}"


def scripts(base: str, below: str = "", above: str = "") -> str:
    """Return a base with what stands below and above it."""
    whole = base if len(base) <= 1 or base.startswith("\\") or base.isalnum() else f"{{{base}}}"
    return whole + (f"_{braced(below)}" if below else "") + (f"^{braced(above)}" if above else "")


def _accent(sign: str, base: str) -> str:
    return f"\\{_ACCENTS[sign]}{{{base}}}" if sign in _ACCENTS else scripts(base, above=sign)


def _matrix(rows: Sequence[Sequence[str]]) -> str:
    return r"\begin{matrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{matrix}"


@dataclass
class _Node:
    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    text: str = ""


class Formula:
    """A formula of MathML, made of the parser's events; `end` returns whether it ended."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._root = _Node("math", attributes)
        self._open = [self._root]
        self._deeper = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            self._deeper += 1
            return
        node = _Node(tag, attributes)
        self._open[-1].children.append(node)
        self._open.append(node)

    def data(self, text: str) -> None:
        self._open[-1].text += text

    def end(self, tag: str) -> bool:
        if self._deeper:
            self._deeper -= 1
            return False
        self._open.pop()
        return not self._open

    def text(self) -> str:
        display = self._root.attributes.get("display") == "block"
        said = self._root.attributes.get("alttext", "") or next(_annotated(self._root), "")
        said = said.strip().strip("$").removeprefix(r"\(").removesuffix(r"\)")
        return dollars(said.removeprefix(r"{\displaystyle").removesuffix("}") if said.startswith(r"{\displaystyle")
                       else said or _mathml(self._root), display)  # fmt: skip


def _annotated(node: _Node) -> Iterator[str]:
    if node.tag == "annotation" and node.attributes.get("encoding") in _LATEX:
        yield node.text
    for child in node.children:
        yield from _annotated(child)


def _mathml(node: _Node) -> str:
    if node.tag in ("annotation", "annotation-xml", "mphantom"):
        return ""
    if node.tag == "mtable":
        return _matrix([[_mathml(cell) for cell in row.children] for row in node.children])
    parts = [_mathml(child) for child in node.children]
    one, two, three = [*parts, "", "", ""][:3]
    if node.tag == "mfrac":
        return rf"\frac{{{one}}}{{{two}}}"
    if node.tag == "msqrt":
        return rf"\sqrt{{{''.join(parts)}}}"
    if node.tag == "mroot":
        return rf"\sqrt[{two}]{{{one}}}"
    if node.tag in ("msup", "msub", "munder", "msubsup", "munderover"):
        above = two if node.tag == "msup" else three
        return scripts(one, "" if node.tag == "msup" else two, above)
    if node.tag == "mover":
        return _accent(two, one)
    if node.tag == "mfenced":
        signs = node.attributes
        return signs.get("open", "(") + signs.get("separators", ",")[:1].join(parts) + signs.get("close", ")")
    if node.tag == "mtext":
        return rf"\text{{{' '.join(node.text.split())}}}" if node.text.strip() else " "
    return " ".join(node.text.split()) + "".join(parts)


def mathml(element: Any) -> str:
    """Return a formula of MathML, given as an element of ElementTree, as LaTeX between dollars."""
    formula = Formula(element.attrib)

    def feed(node: Any, depth: int) -> None:
        formula.data((node.text or "") if depth <= _DEEPEST else "".join(node.itertext()))
        for child in node if depth <= _DEEPEST else ():
            tag = child.tag.rpartition("}")[2]
            formula.start(tag, child.attrib)
            feed(child, depth + 1)
            formula.end(tag)

    feed(element, 0)
    return formula.text()


def omml(element: Any, depth: int = 0) -> str:
    """Return a formula of Office as LaTeX: an element <m:oMath> or one within it, of ElementTree."""
    if depth > _DEEPEST:
        return "".join(element.itertext())
    tag = element.tag.removeprefix(_MATH) if isinstance(element.tag, str) else ""
    if tag == "t":
        return element.text or ""
    if tag.endswith("Pr"):
        return ""

    def part(name: str) -> str:
        found = element.find(_MATH + name)
        return "" if found is None else omml(found, depth + 1)

    if tag in _BUILDS:
        return _build(tag, element, part, depth)
    return "".join(omml(child, depth + 1) for child in element)


_BUILD_NAMES = "acc bar d eqArr f func groupChr limLow limUpp m nary rad sPre sSub sSubSup sSup"
_BUILDS = frozenset(_BUILD_NAMES.split())


def _build(tag: str, element: Any, part: Any, depth: int) -> str:
    base = part("e")
    if tag == "f":
        return rf"\frac{{{part('num')}}}{{{part('den')}}}"
    if tag in ("sSup", "sSub", "sSubSup"):
        return scripts(base, part("sub"), part("sup"))
    if tag == "sPre":
        return f"{{}}{scripts('', part('sub'), part('sup'))}{base}"
    if tag == "rad":
        degree = part("deg")
        return (rf"\sqrt[{degree}]" if degree else r"\sqrt") + f"{{{base}}}"
    if tag == "nary":
        return scripts(_sign(element, "nary", "chr", "∫"), part("sub"), part("sup")) + f" {base}"
    if tag in ("limLow", "limUpp"):
        return scripts(base, part("lim") if tag == "limLow" else "", part("lim") if tag == "limUpp" else "")
    if tag == "func":
        name = part("fName")
        return f"{name} {base}" if not base.startswith("(") else name + base
    if tag in ("acc", "groupChr"):
        return _accent(_sign(element, tag, "chr", "\u0302" if tag == "acc" else "_"), base)
    if tag == "bar":
        return rf"\overline{{{base}}}" if _sign(element, "bar", "pos", "bot") == "top" else rf"\underline{{{base}}}"
    if tag == "d":
        inner = _sign(element, "d", "sepChr", "|").join(
            omml(child, depth + 1) for child in element.findall(f"{_MATH}e")
        )
        return _sign(element, "d", "begChr", "(") + inner + _sign(element, "d", "endChr", ")")
    if tag == "m":
        rows = element.findall(f"{_MATH}mr")
        return _matrix([[omml(cell, depth + 1) for cell in row.findall(f"{_MATH}e")] for row in rows])
    return r" \\ ".join(omml(child, depth + 1) for child in element.findall(f"{_MATH}e"))


def _sign(element: Any, build: str, name: str, otherwise: str) -> str:
    """Return a sign that the properties of a build state; one stated without a value is none."""
    found = element.find(f"{_MATH}{build}Pr/{_MATH}{name}")
    return otherwise if found is None else found.get(f"{_MATH}val", "")
