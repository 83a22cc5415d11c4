"""What Presidio finds beside our own rules: by form alone, and by a spaCy pipeline made here."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("presidio_analyzer", reason="Presidio is not installed: pip install 'hornbook[presidio]'")

from hornbook.corpus.step import Page
from hornbook.corpus.steps import presidio
from hornbook.corpus.steps.pii import PersonalData
from hornbook.errors import UserError

TEXT = "My SSN is 078-05-1125, write to ada@example.org or pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa."


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise AssertionError("something looked for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def page(*texts: str) -> Page:
    return Page(np.arange(len(texts)), texts, texts, texts, [{} for _ in texts])


def test_entities_are_found_beside_the_kinds() -> None:
    step = PersonalData(("email",), entities=("US_SSN", "CRYPTO"))
    verdicts = step(page(TEXT, "nothing here"))
    assert verdicts.texts == ["My SSN is <us_ssn>, write to <email> or pay <crypto>.", "nothing here"]
    assert verdicts.counts == {"crypto": 1, "email": 1, "us_ssn": 1}
    assert verdicts.metas == [{"pii": 3}, {"pii": 0}]
    assert PersonalData((), "drop", entities=("CRYPTO",))(page(TEXT)).reasons == ["pii: crypto"]


def test_context_makes_a_find_more_certain() -> None:
    step = PersonalData((), entities=("US_DRIVER_LICENSE",))
    assert step(page("Driver license: H12234567")).texts == ["Driver license: <us_driver_license>"]
    assert step(page("The part H12234567 fits")).texts == ["The part H12234567 fits"]


def test_of_two_that_overlap_our_own_kind_counts() -> None:
    found = PersonalData(("card",), entities=("CREDIT_CARD",))(page("Card 4111 1111 1111 1111."))
    assert found.texts == ["Card <card>."] and found.counts == {"card": 1}


def test_a_long_text_is_read_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio, "_WINDOW", 300)
    text = (TEXT + " The words go on.\n") * 20
    expected = [(number * (len(text) // 20) + 10, "us_ssn") for number in range(20)]
    found = presidio.find(text, ("US_SSN",), "", 0.5)
    assert [(start, kind) for start, _, kind in found] == expected
    assert "".join(window for _, window in presidio._windows("x" * 1000)) == "x" * 1000


def test_a_pipeline_of_spacy_finds_names(tmp_path: Path) -> None:
    import spacy

    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}, {"label": "GPE", "pattern": "London"}])
    pipeline.to_disk(tmp_path / "names")
    step = PersonalData(entities=("PERSON", "LOCATION"), spacy_model=str(tmp_path / "names"))
    assert step(page("Ada Lovelace lived in London.")).texts == ["<person> lived in <location>."]


def test_what_cannot_be_found_is_refused_in_words() -> None:
    for entities, model, message in (
        (("PERSON",), "", "Names and places need pii.spacy_model"),
        (("US_SNS",), "", "Did you mean 'US_SSN'"),
        (("EMAIL_ADDRESS",), "", "which asks the network"),
        (("PERSON",), "en_no_such", "is not installed"),
    ):
        with pytest.raises(UserError, match=message):
            PersonalData(entities=entities, spacy_model=model)(page(TEXT))
    with pytest.raises(UserError, match="a number from 0 to 1"):
        PersonalData(certainty=2.0)
