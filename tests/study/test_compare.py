"""Runs compared: what is unlike is left out in words, what is alike gets the verdict of a study."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from transfer_runs import base

from hornbook.artifacts import enlist
from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.numbers import Number
from hornbook.evaluate.records import Records
from hornbook.study.compare import compare
from hornbook.study.verdicts import Scores, verdict

SAVED = Path(__file__).parent.parent / "fixtures" / "verdicts.json"
TEXT = {"way": "rows", "kind": "exact", "trained": True}


def finished(
    folder: Path, kind: str, level: float, *, data: str = "a", vocabulary: str = "v", text: dict | None = TEXT,
    lossless: bool = True,
) -> Path:  # fmt: skip
    """Return a run that learned nothing, with a result and records in which it is so good."""
    place = base(folder, kind)
    items = [{"id": str(n), "nats": level * 70 + n % 3, "bytes_scored": 100.0, "lossless": lossless} for n in range(12)]
    header = {"objective": kind, "data": data, "vocabulary": vocabulary, "text": text, "sums": {}}
    Records(header, tuple(items)).save(place / "evaluations" / "held_out.jsonl")
    numbers = (Number("loss", level, "nats per token", ""),)
    Evaluation(kind, numbers, 10, 1200, parameters=1000, tokens=5000).save(place / "result.json")
    enlist(place, "result.json")
    return place


def names(runs: Sequence[Path]) -> tuple[list[str], str]:
    found = compare(runs)
    return [one.name for one in found.yardsticks], " ".join((*found.left_out, *found.notes))


def test_unlike_objectives_are_compared_by_bits_and_not_by_loss(tmp_path: Path) -> None:
    found, told = names([finished(tmp_path, "causal", 1.0), finished(tmp_path, "masked", 1.2)])
    assert found == ["bits per byte"] and "loss and perplexity. They are of targets of unlike objectives" in told
    assert "models of 1.0k parameters that read 5.0k tokens" in told
    (yardstick,) = compare([tmp_path / "causal", tmp_path / "masked"]).yardsticks
    assert [one.word for one in yardstick.verdicts] == ["not tested"]


def test_unlike_vocabularies_have_no_perplexity_in_common(tmp_path: Path) -> None:
    runs = [finished(tmp_path / "a", "causal", 1.0), finished(tmp_path / "b", "causal", 1.1, vocabulary="other")]
    found, told = names(runs)
    assert found == ["bits per byte"] and "They are of tokens of unlike vocabularies" in told
    assert compare(runs).differences["vocabulary"] == dict(zip(compare(runs).arms, ("v", "other"), strict=True))


def test_unlike_held_out_text_leaves_nothing_until_one_text_is_measured(tmp_path: Path) -> None:
    runs = [finished(tmp_path, "causal", 1.0), finished(tmp_path, "masked", 1.2, data="b")]
    with pytest.raises(UserError, match=r"Left out: bits per byte. The runs were measured on unlike documents, 2 sets"):
        compare(runs)
    for run in runs:
        other = Records.load(run / "evaluations" / "held_out.jsonl")
        Records({**other.header, "data": "news"}, other.items).save(run / "evaluations" / "news.jsonl")
    found, told = names(runs)
    assert found == ["bits per byte of the text news"] and "unlike documents" in told


def test_a_number_that_one_run_lacks_is_left_out_with_its_reason(tmp_path: Path) -> None:
    both = [finished(tmp_path, "causal", 1.0), finished(tmp_path, "masked", 1.2)]
    for more, said in (({"text": None}, "gives texts no likelihood"), ({"lossless": False}, "does not give its text")):
        found, told = names([*both, finished(tmp_path, "span", 1.0, **more)])
        assert (
            found == ["bits per byte"]
            and f"Left out of bits per byte: span: {'its objective ' * ('text' in more)}" in told
        )
        assert said in told
    (tmp_path / "span" / "evaluations" / "held_out.jsonl").unlink()
    assert "`hornbook evaluate RUN` writes them" in names([*both, tmp_path / "span"])[1]


def test_unlike_text_is_no_other_seed(tmp_path: Path) -> None:
    runs = [finished(tmp_path / name, "causal", 1.0) for name in "ab"]
    with pytest.raises(UserError, match="seeds of one recipe"):
        compare(runs)
    for run, sha in zip(runs, ("1" * 64, "2" * 64), strict=True):
        (run / "corpus.json").write_text(json.dumps({"sha256_of_hashes": sha}))
    assert list(compare(runs).differences) == ["text"]


def test_saved_simulations_have_the_same_intervals() -> None:
    """Expected values are scipy's, of Welch's t with the items' variance (written once, numpy's generator 36)."""
    for case in json.loads(SAVED.read_text()):
        one, other = (
            Scores(name, np.array(case[name]), np.array(case[f"items_{name}"]) if case[f"items_{name}"] else None)
            for name in ("one", "other")
        )
        found = verdict(one, other, unit="bits per byte", lower_is_better=True, margin=0.0)
        assert found.difference is not None
        told = (found.difference.value, found.difference.low, found.difference.high, found.probability)
        expected = [case[name] for name in ("difference", "low", "high", "probability")]
        assert told == pytest.approx(expected, rel=1e-9, abs=1e-12)
