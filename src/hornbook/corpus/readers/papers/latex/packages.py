r"""Commands whose arguments belong together: numbers with units, fractions, changes, slides, \char."""

from __future__ import annotations

import re
from collections.abc import Callable

from hornbook.corpus.readers.papers.latex.reader import Reader
from hornbook.corpus.readers.papers.latex.stream import Stream
from hornbook.corpus.readers.papers.words import words

# Units and their prefixes as siunitx prints them.
_UNITS = dict(
    pair.split("=")
    for pair in words("""
    metre=m meter=m gram=g second=s ampere=A kelvin=K mole=mol candela=cd hertz=Hz newton=N pascal=Pa joule=J watt=W
    coulomb=C volt=V farad=F ohm=Ω siemens=S weber=Wb tesla=T henry=H lumen=lm lux=lx becquerel=Bq gray=Gy sievert=Sv
    katal=kat minute=min hour=h day=d degree=° arcminute=′ arcsecond=″ litre=L liter=L tonne=t hectare=ha dalton=Da
    electronvolt=eV celsius=°C degreeCelsius=°C percent=% decibel=dB bel=B neper=Np angstrom=Å bar=bar barn=b knot=kn
    radian=rad steradian=sr byte=B bit=bit astronomicalunit=au parsec=pc lightspeed=c planckbar=ħ elementarycharge=e
    kilogram=kg yocto=y zepto=z atto=a femto=f pico=p nano=n micro=µ milli=m centi=c deci=d deca=da hecto=h kilo=k
    mega=M giga=G tera=T peta=P exa=E zetta=Z yotta=Y kibi=Ki mebi=Mi gibi=Gi tebi=Ti squared=² cubed=³
    m=m g=g s=s A=A K=K mol=mol Hz=Hz N=N Pa=Pa J=J W=W V=V eV=eV h=h L=L l=l kg=kg mg=mg ug=µg km=km cm=cm mm=mm
    um=µm nm=nm pm=pm ms=ms us=µs ns=ns ps=ps kHz=kHz MHz=MHz GHz=GHz THz=THz keV=keV MeV=MeV GeV=GeV TeV=TeV meV=meV
    mV=mV kV=kV mA=mA uA=µA nA=nA mW=mW kW=kW MW=MW kPa=kPa MPa=MPa GPa=GPa kJ=kJ mL=mL ml=ml uL=µL dB=dB
""")
)
_PREFIXES = frozenset(
    words("""
    yocto zepto atto femto pico nano micro milli centi deci deca hecto kilo mega giga tera peta exa zetta yotta kibi
    mebi gibi tebi
""")
)
_OVERLAY = re.compile(r"<(?:[a-z]+:)?[\d+.,|() -]*(?:alert@[\d+.,-]*)?>")


def unit(tokens: list[str]) -> str:
    r"""Return a unit as it is printed: \kilo\metre\per\second -> km/s."""
    text = ""
    power, glued = "", True
    for token in tokens:
        name = token[1:].strip() if token[0] == "\\" else ""
        if name == "per":
            text, glued = text + "/", True
        elif name in ("square", "cubic"):
            power = "²" if name == "square" else "³"
        elif name in ("squared", "cubed"):
            text += _UNITS[name]
        elif name in _UNITS:
            text += ("" if glued else " ") + _UNITS[name]
            glued = name in _PREFIXES
            if not glued:
                text, power = text + power, ""
        elif not name and token not in ("{", "}", "$"):
            text, glued = text + token.replace("~", " ").replace(".", " "), False
    return " ".join(text.split())


def overlay(stream: Stream) -> None:
    """Pass over the numbers of slides behind a command of beamer: <2->."""
    if stream.stack and (found := _OVERLAY.match(stream.stack[-1])):
        rest = stream.stack.pop()[found.end() :]
        stream.stack += [rest] if rest else []


def _quantity(numbers: int, between: str, has_unit: bool) -> Callable[[Reader, str], None]:
    """Return what writes so many numbers with words between, and the unit behind."""

    def act(reader: Reader, token: str) -> None:
        stream = reader.stream
        stream.option()
        if not stream.stack or stream.stack[-1] != "{":
            return  # such as \qty(...) of another package
        out: list[str] = []
        for place in range(numbers):
            given = [part.replace(";", ", ") for part in stream.argument() or []]
            out += [between, "{", *given, "}"] if place else ["{", *given, "}"]
        if has_unit:
            stream.option()
            text = unit(stream.argument() or [])
            out += ["" if not numbers or (text[:1] == "°" and text[1:2] != "C") else " ", text] if text else []
        stream.back([part for part in out if part])

    return act


def _angle(reader: Reader, token: str) -> None:
    reader.stream.option()
    given = "".join(part for part in reader.stream.argument() or [] if part[0] not in "\\{}").split(";")
    parts = [part.strip() + sign for part, sign in zip(given, "°′″", strict=False) if part.strip()]
    reader.layout.letters.append("".join(parts))


def _fraction(reader: Reader, token: str) -> None:
    stream = reader.stream
    stream.option()
    above, below = stream.argument(), stream.argument()
    if above and below:
        stream.back(["{", *above, "}", "/", "{", *below, "}"])


def _replaced(reader: Reader, token: str) -> None:
    """Keep the new words; the old ones stand behind them."""
    stream = reader.stream
    stream.option()
    new = stream.argument() or []
    stream.argument()
    stream.back(["{", *new, "}"])


def _overlaid(reader: Reader, token: str) -> None:
    overlay(reader.stream)


def _initial(reader: Reader, token: str) -> None:
    """Keep a letter that is set large and the rest of its word together."""
    stream = reader.stream
    stream.option()
    first, rest = stream.argument() or [], stream.argument() or []
    stream.back(["{", *first, "}", "{", *rest, "}"])


def _char(reader: Reader, token: str) -> None:
    """Write the sign that a number or a quoted sign names."""
    stack = reader.stream.stack
    text = stack.pop() if stack and stack[-1][0] not in "\\{}$&~#\x00" else ""
    found = re.match(r"\s*=?\s*(?:`|\"([0-9A-F]+)|'([0-7]+)|(\d+)) ?", text)
    number = (int(found[1] or found[2] or found[3] or "0", 16 if found[1] else 8 if found[2] else 10)) if found else 0
    if 32 < number < 127:
        reader.layout.letters.append(chr(number))
    if rest := text[found.end() :] if found else text:
        stack.append(rest)


def _short(text: str) -> Callable[[Reader, str], None]:
    """Return what writes an abbreviation, which styles of conferences define; a full stop behind it is its own."""

    def act(reader: Reader, token: str) -> None:
        stack = reader.stream.stack
        reader.layout.letters.append(text.removesuffix(".") if stack and stack[-1].startswith(".") else text)

    return act


def _further_heads(reader: Reader, token: str) -> None:
    """Pass over the head of a table's second page, which the first has too."""
    stack = reader.stream.stack
    for place in range(len(stack) - 1, max(len(stack) - 2_000, 0) - 1, -1):
        if stack[place][0] == "\x00":
            return
        if stack[place] == "\\endhead":
            del stack[place:]
            return


ACTS: dict[str, Callable[[Reader, str], None]] = {
    "\\SI": _quantity(1, "", True), "\\qty": _quantity(1, "", True), "\\si": _quantity(0, "", True),
    "\\unit": _quantity(0, "", True), "\\num": _quantity(1, "", False), "\\numlist": _quantity(1, "", False),
    "\\SIrange": _quantity(2, " to ", True), "\\qtyrange": _quantity(2, " to ", True),
    "\\numrange": _quantity(2, " to ", False), "\\SIlist": _quantity(1, "", True), "\\qtylist": _quantity(1, "", True),
    "\\ang": _angle, "\\replaced": _replaced, "\\char": _char, "\\endfirsthead": _further_heads,
    **dict.fromkeys(("\\lettrine", "\\IEEEPARstart", "\\PARstart", "\\dropcap", "\\yinipar"), _initial),
    **dict.fromkeys(("\\nicefrac", "\\sfrac", "\\xfrac", "\\frac", "\\tfrac", "\\textfrac"), _fraction),
    **dict.fromkeys(("\\only", "\\onslide", "\\uncover", "\\visible", "\\alert", "\\structure", "\\action"), _overlaid),
    **{f"\\{name}": _short(text) for name, text in (
        ("eg", "e.g."), ("Eg", "E.g."), ("ie", "i.e."), ("Ie", "I.e."), ("etal", "et al."), ("etc", "etc."),
        ("cf", "cf."), ("vs", "vs."), ("wrt", "w.r.t."), ("aka", "a.k.a."), ("viz", "viz."), ("iid", "i.i.d."))},
}  # fmt: skip
