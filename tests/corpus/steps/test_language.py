"""Naming languages."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pages import page_of

from hornbook.corpus.steps.language import Language
from hornbook.errors import UserError

TEXTS = {
    "en": "The wind had fallen and the boats lay still in the harbour until the morning.",
    "de": "Der Wind hatte sich gelegt, und die Boote lagen bis zum Morgen still im Hafen.",
    "fr": "Le vent était tombé et les bateaux restèrent immobiles dans le port jusqu'au matin.",
    "ru": "Ветер утих, и лодки неподвижно стояли в гавани до самого утра.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
}


def test_languages_are_named() -> None:
    verdicts = Language()(page_of(list(TEXTS.values())))
    assert [meta["language"] for meta in verdicts.metas or ()] == list(TEXTS)
    assert set(verdicts.reasons) == {""}
    assert all(0.65 < meta["language_score"] <= 1.0 for meta in verdicts.metas or ())


def test_others_and_the_uncertain_are_dropped() -> None:
    texts = [TEXTS["en"], TEXTS["de"], TEXTS["fr"], "12345 ...", "qx", "line one\nand the line two\nof this text"]
    assert list(Language(languages=("en", "de"))(page_of(texts)).reasons[:4]) == [
        "",
        "",
        *["language: another language"] * 2,
    ]
    assert list(Language(min_confidence=1.0)(page_of(["12345"])).reasons) == ["language: too uncertain"]
    assert list(Language(min_confidence=0.0)(page_of(["12345", "\ud800 a"])).reasons) == ["", ""]


def test_only_the_begin_is_looked_at() -> None:
    text = TEXTS["en"] + " " + TEXTS["ru"] * 20
    named = [Language(characters=count)(page_of([text])).metas or () for count in (70, 0)]
    assert [metas[0]["language"] for metas in named] == ["en", "ru"]


def test_settings_that_cannot_be() -> None:
    for wrong in ({"min_confidence": 1.5}, {"characters": -1}):
        with pytest.raises(UserError, match="language"):
            Language(**wrong)  # type: ignore[arg-type]


def test_another_process_says_the_same() -> None:
    code = (
        "import sys; from hornbook.corpus.steps.language import _detect, _detector\n"
        "print([_detect(_detector(), text) for text in sys.argv[1:]])"
    )
    other = subprocess.run([sys.executable, "-c", code, *TEXTS.values()], capture_output=True, text=True, check=True)
    metas = Language()(page_of(list(TEXTS.values()))).metas or ()
    assert other.stdout.strip() == str([(meta["language"], meta["language_score"]) for meta in metas])
