"""Run chapters of the course with their solutions and keep what their cells say, which the page shows beside them.

    python docs/scripts/course_outputs.py          all chapters
    python docs/scripts/course_outputs.py 3 8      some

`tests/course/test_chapters.py` runs the same cells and compares.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

from hornbook.artifacts import write_file
from hornbook.course import chapter, chapters, run_chapter
from hornbook.course.chapter_list import OUTPUTS


def main() -> None:
    """Write OUTPUTS/NN_name.json for the chapters that the arguments name."""
    chosen = [chapter(int(word)) for word in sys.argv[1:]] or chapters()
    for one in chosen:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            said = {ran.place: ran.said for ran in run_chapter(one, solutions=True, folder=folder)}
        write_file(OUTPUTS / f"{one.name}.json", json.dumps(said, indent=1, ensure_ascii=False) + "\n")
        print(f"{one.name}: {len(said)} cells in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
