"""What stands around the text of a web page: menus, notices, invitations to read more. Lines of it are removed.

A line is boilerplate if

    phrase       it is short and has a phrase of such places ("accept all cookies", "read more", "sign in" ...)
    empty        it has no letter
    edge         it is at the head or the tail of the document, shorter than a sentence and without its end mark; the
                 last such line before the text is kept, for it is the title
    menu         it is one of several such lines in a row

The share of boilerplate is counted finer, since some extractors put a whole page into one line: lines are cut into
sentences, and one is boilerplate if it has a phrase or no letter, if it is shorter than a sentence and has no end mark,
or if it is longer and most of its words begin with a capital, as a row of menu entries does. Code has none.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

from hornbook.corpus.step import Page, Verdicts
from hornbook.corpus.steps.code import kind_at
from hornbook.corpus.steps.words import has_letter, sentence_terminals
from hornbook.schema import Count, Share, check

_PHRASES = re.compile(
    r"\b(?:(?:accept|manage|use|uses|using|all|our|of) cookies|cookie (?:policy|settings|notice|preferences)"
    r"|privacy (?:policy|notice|settings)|terms (?:of (?:use|service)|and conditions|& conditions)"
    r"|all rights reserved|(?:enable|requires?|turn on) javascript|javascript (?:is|must|to)"
    r"|(?:read|see|show|view|load|learn) more|click here|continue reading|skip to (?:main |the )?content"
    r"|sign (?:in|up|out)|log ?(?:in|out)|register now|create an account|forgot(?:ten)? (?:your )?password"
    r"|subscribe|newsletter|follow us|share (?:this|on|via)|tweet this|email this|print this"
    r"|related (?:articles|posts|stories|topics)|more (?:from|stories|news)|most (?:read|popular|viewed)|trending"
    r"|you (?:may|might) also like|recommended for you|back to top|leave a (?:comment|reply)|post a comment"
    r"|add to (?:cart|basket)|advertisement|sponsored|your email address|follow \w+ on|browser does not support"
    r"|previous (?:post|article)|next (?:post|article)|powered by|contact us|about us|site ?map|press releases?)\b"
    r"|©|\(c\) ?(?:19|20)\d\d",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"'’”)\]]{0,3}\s+")


@dataclass(frozen=True)
class Boilerplate:
    """Remove boilerplate lines, add their share as the field `boilerplate`, drop documents with too much of it.

    max_share      maximum share of words in boilerplate; 0 = no limit
    short_words    maximum words of a menu entry
    notice_words   maximum words of a line that a phrase such as "accept all cookies" marks as boilerplate
    menu_lines     minimum number of short lines in a row that count as a menu; 0 = keep menus
    remove         remove the lines; false = only add the field
    """

    max_share: Share = 0.5
    short_words: Count = 8
    notice_words: Count = 25
    menu_lines: Count = 4
    remove: bool = True

    def __post_init__(self) -> None:
        check(self, "boilerplate.")

    def __call__(self, page: Page) -> Verdicts:
        """Clean and judge each document; lines removed from documents that stay are counted by rule."""
        texts, reasons, metas = [], [], []
        counts: Counter[str] = Counter()
        for index, text in enumerate(page.texts):
            share = self.share(text)
            kept, removed = self.clean(text) if self.remove else (text, Counter[str]())
            if (kept != text or share > self.max_share > 0) and kind_at(page, index) == "code":
                share, kept, removed = 0.0, text, Counter[str]()
            reason = "" if kept.strip() else "boilerplate: no text left"
            if self.max_share and share > self.max_share:
                reason = "boilerplate: little else"
            if not reason:
                counts.update(removed)
            texts.append(kept)
            reasons.append(reason)
            metas.append({"boilerplate": round(share, 4)})
        return Verdicts(texts, reasons, metas, dict(sorted(counts.items())))

    def share(self, text: str) -> float:
        """Return the share of the words that are boilerplate, 0 of a text without words."""
        words = boilerplate = 0
        for line in text.split("\n"):
            for sentence in _SENTENCE_END.split(line):
                pieces = sentence.split()
                words += len(pieces)
                if pieces and self._is_boilerplate(sentence, pieces):
                    boilerplate += len(pieces)
        return boilerplate / words if words else 0.0

    def _is_boilerplate(self, sentence: str, pieces: list[str]) -> bool:
        if self._notice(sentence, len(pieces)):
            return True
        if len(pieces) <= self.short_words:
            return not _ends_sentence(sentence)
        # Where the script has no capitals nothing can be said.
        capitals, small = sum(piece[0].isupper() for piece in pieces), sum(piece[0].islower() for piece in pieces)
        return capitals > 0.3 * len(pieces) and small < 0.4 * len(pieces)

    def _notice(self, line: str, words: int) -> bool:
        """Return whether a line has no letter, or has a phrase and is not much longer."""
        return not has_letter(line) or (words <= self.notice_words and _PHRASES.search(line) is not None)

    def clean(self, text: str) -> tuple[str, Counter[str]]:
        """Return the text without its lines of boilerplate, and how many of them each rule has found."""
        removed: Counter[str] = Counter()
        lines: list[tuple[str, bool]] = []  # with whether it is a short line
        for line in text.split("\n"):
            words = len(line.split())
            if words and self._notice(line, words):
                removed["lines without letters" if not has_letter(line) else "notices"] += 1
            else:
                lines.append((line, 0 < words <= self.short_words and not _ends_sentence(line)))
        prose = [number for number, (line, short) in enumerate(lines) if line.strip() and not short]
        if not prose:
            removed["short lines at the edges"] += sum(short for _, short in lines)
            return "", +removed
        title = next((number for number in range(prose[0] - 1, -1, -1) if lines[number][1]), prose[0])
        head, tail = sum(short for _, short in lines[:title]), sum(short for _, short in lines[prose[-1] + 1 :])
        removed["short lines at the edges"] += head + tail
        inner = lines[title : prose[-1] + 1]
        kept = self._without_menus(inner, removed)
        return "\n".join(kept).strip("\n"), +removed

    def _without_menus(self, lines: list[tuple[str, bool]], removed: Counter[str]) -> list[str]:
        kept: list[str] = []
        run: list[str] = []
        for line, short in [*lines, ("end.", False)]:
            if short or (run and not line.strip()):
                run.append(line)
                continue
            entries = sum(map(bool, map(str.strip, run)))
            if self.menu_lines and entries >= self.menu_lines:
                removed["lines of menus"] += entries
                kept.append("")
            else:
                kept += run
            run = []
            kept.append(line)
        return kept[:-1]


def _ends_sentence(line: str) -> bool:
    return line.rstrip().rstrip("\"'’”)]»")[-1:] in _ends()


@cache
def _ends() -> frozenset[str]:
    return sentence_terminals() | {":", ";", "…"}
