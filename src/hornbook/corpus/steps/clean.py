"""Cleaning that changes no word: one form of Unicode, one line end, nothing invisible; and mojibake made whole.

Code is left as it is, and markup keeps its blanks and empty lines (`hornbook.corpus.steps.code`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps.code import kind_at, outside_fences
from hornbook.schema import check

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Control characters but tab and line end; lone surrogates and non-characters; soft hyphens, zero-width blanks and
# joiners of words, byte-order marks, marks of direction. The joiners U+200C and U+200D stay: Persian, the scripts of
# India and emoji are written with them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
_BLANKS = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_RUN_OF_BLANKS = re.compile("[ \t]{2,}|\t")
_EMPTY_LINES = re.compile("\n{3,}")
# What ftfy does beside mending: other steps do it, or it changes sound text.
_LEFT_ALONE = (
    "remove_terminal_escapes", "fix_latin_ligatures", "fix_character_width", "uncurl_quotes", "fix_line_breaks",
    "remove_control_chars", "explain",
)  # fmt: skip


@dataclass(frozen=True)
class Normalise:
    """Normalise Unicode, blanks and line ends; drop documents that end up empty. Code is left alone.

    form         Unicode form; NFC composes characters, NFKC also replaces ligatures, full-width and other variants
    invisible    remove control and zero-width characters
    blanks       trim: plain blanks, none at line ends, at most one empty line; collapse: also one blank for several
    """

    form: Literal["NFC", "NFKC", "none"] = "NFC"
    invisible: bool = True
    blanks: Literal["keep", "trim", "collapse"] = "trim"

    def __post_init__(self) -> None:
        check(self, "normalise.")

    def __call__(self, page: Page) -> Verdicts:
        counts: Counter[str] = Counter()
        texts = []
        for index, text in enumerate(page.texts):
            found: Counter[str] = Counter()
            clean = self._clean(text, self.blanks, found)
            if clean != text and (kind := kind_at(page, index)):
                found = Counter()
                clean = text if kind == "code" else self._clean(text, "keep", found)
                counts["texts of code left alone"] += kind == "code"
            if any(found.values()):
                counts.update(found)
            texts.append(clean)
        reasons = ["" if text and not text.isspace() else "normalise: no text" for text in texts]
        return Verdicts(texts, reasons, counts={name: number for name, number in sorted(counts.items()) if number})

    def _clean(self, text: str, blanks: str, counts: Counter[str]) -> str:
        """Return a text without what it need not have, and count it; what stands between fences stays."""
        clean = outside_fences(text, lambda piece: self._clean_piece(piece, blanks, counts))
        return clean if blanks == "keep" else clean.strip("\n")

    def _clean_piece(self, text: str, blanks: str, counts: Counter[str]) -> str:
        text, found = _LINE_ENDS.subn("\n", text)
        counts["other line ends"] += found
        if self.invisible:
            text, found = _INVISIBLE.subn("", text)
            counts["invisible characters"] += found
        # After the removals: what stood between two characters may have kept them from being composed.
        if self.form != "none" and not unicodedata.is_normalized(self.form, text):
            text = unicodedata.normalize(self.form, text)
            counts["texts in another form"] += 1
        if blanks == "keep":
            return text
        if not text.isascii():
            text = _BLANKS.sub(" ", text)
        if blanks == "collapse":
            text = _RUN_OF_BLANKS.sub(" ", text)
        text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
        return _EMPTY_LINES.sub("\n\n", text)


@dataclass(frozen=True)
class Repair:
    """Repair text that was decoded with the wrong encoding (`schÃ¶n` for `schön`), by ftfy; not in code.

    entities   also replace HTML entities such as &amp; in texts without tags
    """

    entities: bool = False

    def __call__(self, page: Page) -> Verdicts:
        from ftfy import TextFixerConfig, fix_text

        unescape = "auto" if self.entities else False
        config = TextFixerConfig(unescape_html=unescape, normalization=None, **dict.fromkeys(_LEFT_ALONE, False))

        def repaired(text: str) -> str:
            return text if text.isascii() and not (self.entities and "&" in text) else fix_text(text, config)

        texts = []
        for index, text in enumerate(page.texts):
            mended = outside_fences(text, repaired)
            texts.append(text if mended != text and kind_at(page, index) == "code" else mended)
        changed = sum(new != old for new, old in zip(texts, page.texts, strict=True))
        return Verdicts(texts, [""] * len(texts), counts={"repaired": changed} if changed else {})
