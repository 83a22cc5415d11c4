"""Which tabs the pages of a command have: its own first, then those that its runs are of use for.

play RUN...       Play, Watch the same runs, Course
watch DIR...      Watch, Play with a watched run, once the reader asks for it, Course
course            Course, Play without a run
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hornbook.app.course import course_page
from hornbook.app.play import play_page
from hornbook.app.serving.endpoints import Page
from hornbook.app.spoken.models import Models
from hornbook.app.watch import watching
from hornbook.recipes.settings import RECIPE


def play_tabs(runs: Sequence[Path], own: Sequence[str] = (), device: str = "") -> list[Page]:
    """Return the tabs of `hornbook play`; see `play_page`. Folders of transformers cannot be watched."""
    watched = [path for path in runs if (path / RECIPE).is_file()]
    return [
        play_page(runs, own, device),
        *([watching(watched).page()] if watched else []),
        course_page(),
    ]


def watch_tabs(directories: Sequence[Path]) -> list[Page]:
    """Return the tabs of `hornbook watch`: no model is read, and PyTorch is not loaded, before one is asked for."""
    models = Models(())
    return [watching(directories).page(models.add), play_page(models=models), course_page()]


def course_tabs(text: str | Path = "") -> list[Page]:
    """Return the tabs of `hornbook course`, whose pictures are those of the playground."""
    return [course_page(text), play_page()]
