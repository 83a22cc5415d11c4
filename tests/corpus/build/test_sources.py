"""Every source, from its published form to clean documents: the words in order, the facts, what is left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builds import kill_and_go_on
from published import MAKERS, paragraphs

from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.built import documents, open_corpus
from hornbook.corpus.read import read

# Of 24 texts: how many documents come out, what the first has beside its text, what the reader leaves out.
EXPECTED: dict[str, tuple[int, dict[str, Any], dict[str, int]]] = {
    "mediawiki": (
        24,
        {"title": "Page 1", "url": "https://en.wikipedia.org/wiki/Page_1", "language": "en"},
        {"redirect": 24},
    ),
    "stack-exchange": (
        24,
        {"title": "How is it, 0?", "tags": ["text"], "license": "CC-BY-SA-4.0"},
        {"table of a dump without posts: badges": 1},
    ),
    "gutenberg": (14, {"title": "Book 1", "authors": ["A. Writer"], "language": "en"}, {}),
    "arxiv": (24, {"title": "Paper 1", "authors": ["A. Writer"]}, {}),
    "jats": (24, {"title": "Article 1", "language": "en"}, {}),
    "code": (26, {"programming_language": "Markdown", "repository": "example.org/a/b"}, {"vendored file": 2}),
    "crawl": (24, {"url": "https://site0.example/0"}, {}),
    "fineweb": (24, {"url": "https://site.example/0", "language": "en"}, {}),
    "pdf": (24, {"title": "Report 0", "pages": 1}, {}),
    "documents": (24, {}, {}),
    "mail": (24, {"title": "Letter 0"}, {}),
    "chats": (24, {}, {}),
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found = [document.text for document in read(["builtin:docs"])]
    return [text for text in found if len(paragraphs(text)) > 2][:24]


def words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text).split()


@pytest.mark.parametrize("name", MAKERS)
def test_a_source_is_read_to_its_words(name: str, texts: list[str], tmp_path: Path) -> None:
    path = MAKERS[name](tmp_path, texts)
    ledger = build([], [str(path)], tmp_path / "corpus", engine=Engine(workers=1))
    found = list(documents(open_corpus(tmp_path / "corpus")))
    count, facts, passed = EXPECTED[name]
    print(len(found), found[0].meta, ledger["passed_over"], ledger["unread"])
    assert len(found) == count
    assert facts.items() <= found[0].meta.items()
    assert ledger["passed_over"]["reasons"] == passed
    assert ledger["unread"]["records"] == 0
    every = " ".join(words("\n".join(document.text for document in found)))
    missing = [piece for text in texts for piece in paragraphs(text) if " ".join(words(piece[:60])) not in every]
    assert not missing, (len(missing), missing[:3])


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_a_source_killed_ten_times_goes_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    every = [document.text for document in read(["builtin:docs"])][:400]
    path = MAKERS[name](tmp_path, every)
    lines = [f"paths = ['{path.as_posix()}']", "block = 100_000", "[[steps]]", "kind = 'near-duplicates'"]
    (tmp_path / "recipe.toml").write_text("\n".join(lines))
    kill_and_go_on(tmp_path, kills=10, seed=len(name))
