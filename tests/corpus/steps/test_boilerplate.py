"""Lines of boilerplate."""

from __future__ import annotations

import pytest
from pages import page_of

from hornbook.corpus.read import read
from hornbook.corpus.steps.boilerplate import Boilerplate

PROSE = [
    "The ferry left the island before the sun was up, and nobody on deck said much.",
    "A boy with a red scarf counted the gulls that followed the wake.",
    "By noon the coast had turned from grey to green, and the roofs of a village came into view.",
]
PAGE = "\n".join(
    ["Home", "News", "Sport", "", "Sign in", "The long crossing", PROSE[0], "Read more...", PROSE[1],
     "Travel", "Islands", "Ferries", "Weather", PROSE[2], "---", "© 2024 Island News", "Share", "Contact"]
)  # fmt: skip


def test_menus_notices_and_edges_go_and_the_text_stays() -> None:
    verdicts = Boilerplate(max_share=0)(page_of([PAGE]))
    assert verdicts.texts[0] == "\n".join(["The long crossing", PROSE[0], PROSE[1], "", PROSE[2]])
    assert verdicts.counts == {
        "lines of menus": 4, "lines without letters": 1, "notices": 3, "short lines at the edges": 5,
    }  # fmt: skip


def test_prose_stays_as_it_is() -> None:
    text = "\n\n".join(PROSE)
    verdicts = Boilerplate()(page_of([text]))
    assert (verdicts.texts[0], verdicts.reasons[0], verdicts.counts) == (text, "", {})
    assert (verdicts.metas or ())[0] == {"boilerplate": 0.0}


def test_a_phrase_within_prose_is_no_notice() -> None:
    text = " ".join(["She told him twice to read more, for the newspapers of that year were of no use to him"] * 2)
    assert Boilerplate()(page_of([text + "."])).texts[0] == text + "."


def test_pages_of_little_else_are_dropped() -> None:
    menu = "\n".join(["Home", "News", "Sign in", "All rights reserved"] * 3)
    verdicts = Boilerplate()(page_of([menu, f"{menu}\n{PROSE[0]}", PROSE[0], ""]))
    assert list(verdicts.reasons) == ["boilerplate: little else"] * 2 + ["", "boilerplate: no text left"]
    assert list(Boilerplate(max_share=0)(page_of([menu])).reasons) == ["boilerplate: no text left"]


def test_rows_of_menu_entries_in_one_line_count() -> None:
    step = Boilerplate()
    row = "Home News Sport Travel Islands Ferries Weather Radio Maps Shop Jobs Help "
    assert step.share(row * 2 + PROSE[0]) > step.share(PROSE[0]) == 0
    assert step.share(row) == 1.0


def test_only_the_share_is_told_if_nothing_shall_be_removed() -> None:
    verdicts = Boilerplate(remove=False)(page_of([PAGE]))
    assert verdicts.texts[0] == PAGE


def test_cleaning_changes_few_documents_of_prose_much() -> None:
    texts = [document.text for document in read(["builtin:docs"])][:40]
    kept = Boilerplate(max_share=0)(page_of(texts)).texts
    assert sum(map(len, kept)) > 0.8 * sum(map(len, texts))


@pytest.mark.parametrize("hostile", [piece * 50_000 for piece in ("a ", "\n", "a\n", ".", ". ", "©", ".'")])
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    step = Boilerplate()
    assert 0 <= step.share(hostile) <= 1
    assert len(step.clean(hostile)[0]) <= len(hostile)
