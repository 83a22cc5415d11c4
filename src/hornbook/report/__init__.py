"""Reports: what the files of runs or of a study say, as one page that stands alone, and as Markdown.

    directories -> facts -> ledger, verdicts, comparison -> blocks -> report.html, report.md

In flows what runs have recorded, out flow two files with the same facts from the same values. Nothing is trained or
measured here, no torch is loaded, and nothing but the directories is asked: no clock, no network, no machine.

`hornbook.report` is this room, and the function of `hornbook.api` that writes a report: once the room is loaded Python
finds it under that name, so the room can be called.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hornbook.report.write import Reported


class _Room(ModuleType):
    """The room, which may be called as `hornbook.api.report`."""

    def __call__(
        self,
        *directories: str | Path,
        out: str | Path | None = None,
        pdf: bool = False,
        full_paths: bool = False,
        examples: bool = False,
    ) -> Reported:
        """Write the report of runs or of one study, a page and Markdown; see `hornbook.api.report`."""
        from hornbook.report.sections import Options
        from hornbook.report.write import write_report

        places = [Path(directory) for directory in directories]
        return write_report(places, None if out is None else Path(out), pdf=pdf, options=Options(full_paths, examples))


sys.modules[__name__].__class__ = _Room
