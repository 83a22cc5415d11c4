"""The course: eleven chapters that run, exercises that are checked, a quiz. Loads no torch.

In a chapter, as a notebook or as a script:

    from hornbook.course import check, text

text      the reader's text, or the bundled one       corpus   what to train on: the reader's file, or builtin:docs
check     whether the answer to an exercise is right  picture  what an objective makes of the reader's text
draw      a chart: its numbers, and a drawing         place    an empty folder for what a chapter makes
wish      a number from an option of the script     here     shows what another machine would print otherwise
aside     shows progress beside the chapter's output

From elsewhere: `chapters()`, `chapter(3)`, `run_chapter(chapter(3))`, `export(folder)`, `questions()` and
`answer(5, "B")`.
"""

from __future__ import annotations

from hornbook.course.answers import check
from hornbook.course.build import export
from hornbook.course.cells import Cell, Chapter
from hornbook.course.chapter_list import chapter, chapters
from hornbook.course.quiz import answer, questions
from hornbook.course.reader import aside, corpus, place, text, wish
from hornbook.course.run import run_chapter
from hornbook.course.shown import draw, here, picture

__all__ = [
    "Cell", "Chapter", "answer", "aside", "chapter", "chapters", "check", "corpus", "draw", "export", "here", "picture",
    "place", "questions", "run_chapter", "text", "wish",
]  # fmt: skip
