"""What wikipedia.py measures of other programs, each in a process of its own.

    PYTHON benchmarks/peers/wikipedia.py CONTENDER PAGES

PAGES is JSON, a list of [title, wikitext]. Prints JSON: seconds of one processor, and the texts.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path


def mwparserfromhell() -> Callable[[str, str], str]:
    """Return its parser and the code stripped of its nodes, as the data set wikipedia of Hugging Face has it."""
    from mwparserfromhell import parse

    return lambda title, text: str(parse(text).strip_code())


def wikitextparser() -> Callable[[str, str], str]:
    """Return its parser and plain text; its licence (GPL) keeps it out of the package."""
    from wikitextparser import parse

    return lambda title, text: str(parse(text).plain_text())


def wikiextractor() -> Callable[[str, str], str]:
    """Return its cleaning by regular expressions, templates left out, as `--no-templates` has it."""
    from wikiextractor.extract import Extractor

    logging.disable(logging.CRITICAL)

    def clean(title: str, text: str) -> str:
        extractor = Extractor("1", "1", "https://en.wikipedia.org/wiki", title, text)
        return "\n".join(extractor.clean_text(text, expand_templates=False, html_safe=False))

    return clean


def hornbook() -> Callable[[str, str], str]:
    """Return what this package makes of a page."""
    from hornbook.corpus.readers.wiki.page import Site
    from hornbook.corpus.readers.wiki.text import plain_text

    site = Site("en")
    return lambda title, text: plain_text(text, title, site).text


CONTENDERS = {"hornbook": hornbook, "wikiextractor": wikiextractor, "mwparserfromhell": mwparserfromhell}
CONTENDERS["wikitextparser"] = wikitextparser


def main() -> None:
    work = CONTENDERS[sys.argv[1]]()
    pages = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    texts = []
    start = time.process_time()
    for title, text in pages:
        try:
            texts.append(work(title, text))
        except Exception as error:  # a page that a program cannot read is one without text
            print(f"{title}: {type(error).__name__}", file=sys.stderr)
            texts.append("")
    json.dump({"seconds": time.process_time() - start, "texts": texts}, sys.stdout)


if __name__ == "__main__":
    main()
