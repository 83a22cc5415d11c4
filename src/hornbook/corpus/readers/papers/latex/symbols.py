r"""Accents and signs that LaTeX has commands for -> the letters of Unicode that it prints (LaTeX Companion, 7.3)."""

from __future__ import annotations

import unicodedata

# The combining character of each accent (the second table: those that are letters, which swallow blanks).
_SIGNS = {"'": 0x301, "`": 0x300, "^": 0x302, '"': 0x308, "~": 0x303, "=": 0x304, ".": 0x307}
_LETTERS = {"c": 0x327, "H": 0x30B, "v": 0x30C, "u": 0x306, "r": 0x30A, "k": 0x328, "d": 0x323, "b": 0x331, "t": 0x361}
ACCENTS = {f"\\{name}": chr(code) for name, code in {**_SIGNS, **_LETTERS}.items()} | {"\\textcommabelow": "\u0326"}

_NAMED = """
    ss ß SS ẞ ae æ AE Æ oe œ OE Œ o ø O Ø l ł L Ł aa å AA Å i ı j ȷ dh ð DH Ð th þ TH Þ dj đ DJ Đ ng ŋ NG Ŋ S § P ¶
    dag † ddag ‡ copyright © pounds £ dots … ldots … textellipsis … slash / textbackslash \\ textasciitilde ~
    textasciicircum ^ textasciigrave ` textunderscore _ textbar | textless < lbrace { textgreater > textbraceleft {
    textbraceright } textdollar $ textsterling £ texteuro € euro € EUR € textyen ¥ rbrace } textcent ¢ textcurrency ¤
    textbullet • textperiodcentered · textcdot · textendash – textemdash — textquoteleft ‘ textquoteright ’
    textquotedblleft “ textquotedblright ” textquotedbl " textquotesingle ' quotesinglbase ‚ quotedblbase „ glqq „
    grqq “ flqq « frqq » guillemotleft « guillemotright » guillemetleft « guillemetright » guilsinglleft ‹
    guilsinglright › textexclamdown ¡ textquestiondown ¿ textregistered ® texttrademark ™ textcopyright © textdegree °
    degree ° textordmasculine º textordfeminine ª textmu µ micro µ textohm Ω textonehalf ½ textonequarter ¼
    textthreequarters ¾ texttimes × textdiv ÷ textpm ± textminus − textrightarrow → textleftarrow ← textuparrow ↑
    textdownarrow ↓ textdagger † textdaggerdbl ‡ textsection § textparagraph ¶ textasteriskcentered *
    textvisiblespace ␣ textonesuperior ¹ texttwosuperior ² textthreesuperior ³ checkmark ✓ cmark ✓ xmark ✗
    textnumero № TeX TeX LaTeX LaTeX LaTeXe LaTeX2e BibTeX BibTeX AmS AMS AmSTeX AMS-TeX XeTeX XeTeX LuaTeX LuaTeX
    textalpha α textbeta β textgamma γ textdelta δ arcsec ″ arcmin ′ textprime ′ celsius °C lq ' rq ' aleph ℵ ordm º
    ordf ª
"""
_words = _NAMED.split()
SYMBOLS = {f"\\{name}": sign for name, sign in zip(_words[::2], _words[1::2], strict=True)}
SYMBOLS |= {f"\\{sign}": sign for sign in "%$&#_{}"}
SYMBOLS |= {f"\\{sign}": " " for sign in " ,;:>"} | {
    f"\\{name}": " " for name in ("quad", "qquad", "enspace", "thinspace")
}
SYMBOLS |= {f"\\{sign}": "" for sign in "/-@!<+"} | {"\\": ""}


def accented(accent: str, text: str) -> str:
    r"""Return a text with an accent on its first letter, in one character where there is one."""
    first, rest = text[:1], text[1:]
    if not first:
        return {"\\~": "~", "\\^": "^"}.get(accent, "")
    first = {"ı": "i", "ȷ": "j"}.get(first, first) if accent not in ("\\d", "\\b", "\\c", "\\k") else first
    if first.isspace():
        return text
    return unicodedata.normalize("NFC", first + ACCENTS[accent]) + rest
