"""Normalising and repairing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import page_of

from hornbook.corpus.steps.clean import Normalise, Repair
from hornbook.errors import UserError


def normalised(text: str, **given: str | bool) -> str:
    return Normalise(**given)(page_of([text])).texts[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
        ("\ufeffzero\u200bwidth\u00ad \x00\x1b", "zerowidth"),
        ("می\u200cروم", "می\u200cروم"),
        ("trail  \t\n\n\n\n\nnext", "trail\n\nnext"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\tindented  text", "\tindented  text"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_normalised(text: str, clean: str) -> None:
    assert normalised(text) == clean


def test_settings() -> None:
    assert normalised("ﬁ", form="NFKC") == "fi"
    assert normalised("e\u0301", form="none") == "e\u0301"
    assert normalised("a \n\n\n\nb", blanks="keep") == "a \n\n\n\nb"
    assert normalised("a  \t b", blanks="collapse") == "a b"
    assert normalised("a\u200bb", invisible=False) == "a\u200bb"
    for wrong in ({"form": "NFX"}, {"blanks": "none"}):
        with pytest.raises(UserError, match="normalise"):
            Normalise(**wrong)  # type: ignore[arg-type]


def test_what_is_found_is_counted_and_nothing_left_is_dropped() -> None:
    verdicts = Normalise()(page_of(["a\r\nb\r\nc", "\u200b", "e\u0301\u200b"]))
    assert verdicts.counts == {"invisible characters": 2, "other line ends": 2, "texts in another form": 1}
    assert list(verdicts.reasons) == ["", "normalise: no text", ""]


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["NFC", "NFKC"]), st.sampled_from(["keep", "trim", "collapse"]))
def test_normalising_twice_changes_nothing_and_words_stay(text: str, form: str, blanks: str) -> None:
    once = normalised(text, form=form, blanks=blanks)
    assert unicodedata.is_normalized("NFC", once)
    assert normalised(once, form=form, blanks=blanks) == once


def test_mojibake_is_repaired_and_counted() -> None:
    texts = ["schön und größer", "it’s naïve", "plain", "ﬁne", "日本語"]
    broken = [text.encode().decode("windows-1252") if number < 2 else text for number, text in enumerate(texts[:2])]
    verdicts = Repair()(page_of([*broken, *texts]))
    assert list(verdicts.texts) == [*texts[:2], *texts]
    assert verdicts.counts == {"repaired": 2}
    assert list(Repair(entities=True)(page_of(["a &amp; b"])).texts) == ["a & b"]
    assert list(Repair()(page_of(["a &amp; b"])).texts) == ["a &amp; b"]
