"""The record board: lines are of known texts, repeat from their recipe, and fall only to what is beyond seeds."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from benchmark_scripts import script

from hornbook.errors import UserError
from hornbook.recipes.settings import from_dict

records, lines, texts, training, page, trained = map(
    script, ("records", "board.lines", "board.texts", "board.training", "board.page", "peers.trained")
)
WORDS = sorted({*(__doc__ or "").split()})
SMALL = (
    "model.width=32", "model.layers=1", "model.heads=1", "model.max_length=32", "training.batch_rows=2",
    "tokenizer.size=300",
)  # fmt: skip


def sentences(number: int, first: int) -> list[str]:
    """Return texts in which words follow each other by a rule."""
    return [
        " ".join(WORDS[(first + text * 7 + place * (1 + text % 3)) % len(WORDS)] for place in range(60)) + "."
        for text in range(number)
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("board")
    parts = [(None, sentences(40, 0)), (None, sentences(6, 3))]
    text = texts._text("docs", folder, *(("\n".join(part), part) for _, part in parts))
    return records.Workplace({"docs": text}, folder, quick=True)


@pytest.fixture(scope="module")
def line(place: Any) -> Any:
    return records.measured(place, records.side_of(place, "docs/60/causal", SMALL), 3, lambda _: None)


def changed(line: Any, **values: Any) -> Any:
    return dataclasses.replace(line, **values)


def test_a_line_repeats_from_its_recipe_and_the_same_seed_to_the_bit(line: Any, place: Any) -> None:
    assert line.measure == "bits per byte"
    assert sorted(line.seeds) == ["0", "1", "2"]
    assert line.spread > 0
    side = records.Side("docs", 60, "causal", from_dict(line.recipe))
    again, _ = side.trained(place, 0, line.steps, training.Pace(0.0, 1.0))
    assert round(again[-1][1], 4) == line.seeds["0"] == round(line.curve[-1][1], 4)


def test_training_makes_a_line_better_than_none(line: Any, place: Any) -> None:
    side = records.Side("docs", 60, "causal", from_dict(line.recipe))
    longer, _ = side.trained(place, 0, 60, training.Pace(0.0, 1.0))
    assert longer[-1][1] < line.seeds["0"] - 0.1


@pytest.mark.parametrize(("again", "holds"), [((2.0,), True), ((2.04,), True), ((2.1,), False), ((1.5,), True)])
def test_quality_holds_within_the_spread_of_seeds(line: Any, again: tuple[float, ...], holds: bool) -> None:
    assert changed(line, seeds={"0": 2.0, "1": 2.01, "2": 1.99}).holds(again) == holds


@pytest.mark.slow
def test_verify_holds_for_the_line_and_neither_for_a_better_one_nor_for_a_faster_one(line: Any, place: Any) -> None:
    said: list[str] = []
    slow = changed(line, step_seconds=10 * line.step_seconds)
    assert records.verified(place, slow, 1, said.append)
    better = changed(slow, seeds={seed: value - 1.5 for seed, value in line.seeds.items()})
    assert not records.verified(place, better, 1, said.append)
    faster = changed(line, step_seconds=line.step_seconds / 50, start_seconds=0.0)
    assert not records.verified(place, faster, 1, said.append)
    assert "quality does NOT hold" in said[4]
    assert "time does NOT hold" in said[-1]


def test_a_masked_line_has_a_loss_and_a_claim_keeps_its_vocabulary(line: Any, place: Any) -> None:
    masked = records.measured(place, records.side_of(place, "docs/60/masked", SMALL), 1, lambda _: None)
    assert masked.measure == "loss"
    board = lines.Board().has(masked)
    with pytest.raises(UserError, match="one vocabulary"):
        records.claimed(board, changed(masked, vocabulary=masked.vocabulary - 64), lambda _: None)
    with pytest.raises(UserError, match="has no docs/60/causal to beat"):
        records.claimed(board, line, lambda _: None)


@pytest.mark.parametrize(
    ("seeds", "taken"),
    [((1.90, 1.91, 1.89), True), ((1.99, 2.0, 1.98), False), ((2.2, 2.21, 2.19), False), ((1.5,), False)],
)
def test_a_record_falls_only_to_what_is_beyond_the_spread_of_three_seeds(
    line: Any, seeds: tuple[float, ...], taken: bool
) -> None:
    old = changed(line, seeds={"0": 2.0, "1": 2.01, "2": 1.99})
    claim = changed(line, seeds=dict(enumerate(seeds)), settings=("seed=1",))
    board = records.claimed(lines.Board().has(old), claim, lambda _: None)
    assert (board.line("docs/60/causal") is claim) == taken


def test_the_start_is_of_the_budget() -> None:
    pace = training.Pace(start=30.0, step=0.1)
    assert (pace.steps(60), pace.at(300)) == (300, 60.0)
    assert training.Pace(90.0, 0.1).steps(60) == 1


def test_other_texts_are_refused(line: Any, place: Any, tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text("To be or not to be\n" * 100, encoding="utf-8")
    with pytest.raises(UserError, match="is not Tiny Shakespeare"):
        texts.shakespeare(tmp_path / "input.txt", tmp_path)
    board = lines.Board().knows("docs", place.text("docs").identity)
    assert board.knows("docs", place.text("docs").identity) == board
    other = texts._text("docs", tmp_path, ("a", ["a"]), ("b", ["b"]))
    with pytest.raises(UserError, match="another text than the board's"):
        board.knows("docs", other.identity)
    with pytest.raises(UserError, match="not at hand"):
        place.text("shakespeare")


def test_the_variant_of_wikitext_is_seen_and_packing_changes_no_identity(tmp_path: Path) -> None:
    import gzip
    import json

    plain, packed, raw = tmp_path / "wiki.txt", tmp_path / "wiki.jsonl.gz", tmp_path / "raw.txt"
    plain.write_text(" = A = \n\n a <unk> word\n", encoding="utf-8")
    raw.write_text(" = A = \n\n a rare word\n", encoding="utf-8")
    packed.write_bytes(gzip.compress(json.dumps({"text": plain.read_text(encoding="utf-8")}).encode()))
    assert texts.wikitext(plain, raw, tmp_path).name == "wikitext-2"
    assert texts.wikitext(raw, raw, tmp_path).name == "wikitext-2-raw"
    assert texts.wikitext(plain, raw, tmp_path).identity == texts.wikitext(packed, raw, tmp_path).identity


def test_the_page_has_every_line_and_is_the_same_when_written_again(line: Any, place: Any, tmp_path: Path) -> None:
    board = lines.Board().knows("docs", place.text("docs").identity).has(line)
    board = board.has(changed(line, who="nanogpt", recipe={}, seeds={"0": 2.5}))
    lines.write_board(board, tmp_path / "records.json")
    assert lines.write_board(board, tmp_path / "again.json") is None
    read = lines.read_board(tmp_path / "records.json")
    page.write(read, tmp_path)
    first = (tmp_path / "records.md").read_bytes()
    page.write(lines.read_board(tmp_path / "again.json"), tmp_path)
    text = first.decode()
    assert (tmp_path / "records.md").read_bytes() == first
    assert f"**{line.mean:.3f}** +- {line.spread:.3f} bits per byte" in text
    assert "**2.500** bits per byte" in text
    assert "30 seconds of 2 cores" in text
    assert "causal, 60 s" in (tmp_path / "pictures" / "records-docs.svg").read_text(encoding="utf-8")


def test_a_character_model_begins_at_the_size_of_its_alphabet_and_learns() -> None:
    text, found = "abcdefgh" * 200, []
    trained.characters(text, text[:400], 60, 60, lambda step, bits: found.append(bits()) if step in (1, 60) else None)
    assert found[0] == pytest.approx(math.log2(8), abs=0.3)
    assert found[1] < found[0] - 0.5


def test_the_default_starts_from_counts_and_the_time_of_counting_is_its_own(line: Any, place: Any) -> None:
    assert line.recipe["model"]["start"] == "counts"
    recipe = from_dict(line.recipe)
    tokens = place.tokens("docs", recipe)
    counted = training.quality(training.begin(recipe, tokens), recipe, tokens)
    random = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, start="random"))
    assert counted < training.quality(training.begin(random, tokens), random, tokens) - 0.5
