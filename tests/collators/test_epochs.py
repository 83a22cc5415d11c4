"""Noise under transformers' Trainer: with workers, across epochs and a resume, in several processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import trainer_runs
from collator_models import features, tokenizer
from torch.utils.data import DataLoader
from trainer_runs import Seen, run

from hornbook.collators import MLMDataCollator, Numbered

ROWS = 22


def by_epoch(seen: Seen) -> list[dict[tuple[int, ...], list[int]]]:
    """The masked places of each row, epoch by epoch."""
    assert len(seen) == 3 * ROWS
    return [{tuple(ids): places for ids, places in seen[start : start + ROWS]} for start in range(0, 3 * ROWS, ROWS)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Seen:
    return run(tmp_path_factory.mktemp("plain")).seen


def test_every_epoch_has_its_own_masks(plain: Seen) -> None:
    first, second, third = by_epoch(plain)
    assert set(first) == set(second) == set(third) and len(first) == ROWS
    for one, other in ((first, second), (second, third), (first, third)):
        assert sum(one[row] == other[row] for row in one) < ROWS / 3


def test_without_the_callback_epochs_have_the_same_masks(tmp_path) -> None:
    first, second, third = by_epoch(run(tmp_path, follow=False).seen)
    assert first == second == third


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_change_nothing(plain: Seen, persistent: bool, tmp_path) -> None:
    assert run(tmp_path, workers=2, dataloader_persistent_workers=persistent).seen == plain


def test_accumulation_changes_nothing(plain: Seen, tmp_path) -> None:
    assert run(tmp_path, gradient_accumulation_steps=3).seen == plain


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("step", [5, 6, 9, 12])  # an epoch has six steps
def test_a_resumed_run_sees_what_it_would_have_seen(plain: Seen, step: int, workers: int, tmp_path) -> None:
    run(tmp_path, save_strategy="steps", save_steps=step)
    again = run(tmp_path, workers=workers, resume=str(tmp_path / f"checkpoint-{step}")).seen
    whole, rest = divmod(step, 6)
    assert again == plain[whole * ROWS + rest * 4 :]


def test_numbered_rows_that_are_equal_get_masks_of_their_own(tmp_path) -> None:
    row = max(features(5), key=lambda row: len(row["input_ids"]))

    def masks(dataset) -> set[tuple[int, ...]]:
        return {tuple(places) for _, places in run(tmp_path, dataset=dataset).seen[:ROWS]}

    assert len(masks([row] * ROWS)) == 1
    assert len(masks(Numbered([row] * ROWS))) > ROWS / 2


def test_numbered_evaluation_is_the_same_in_all_epochs(tmp_path) -> None:
    held_out = features(5, seed=9)

    def evaluations(dataset) -> list[Seen]:
        seen = run(tmp_path, eval_dataset=dataset, eval_strategy="epoch").evaluated
        return [seen[start : start + 5] for start in (0, 5, 10)]

    first, second, third = evaluations(Numbered(held_out, epoch=0))
    assert first == second == third
    first, second, third = evaluations(held_out)
    assert first != second != third


def test_a_wrapped_dataset_has_its_rows() -> None:
    rows = Numbered([{"input_ids": [5, 6]}, {"input_ids": [7]}])
    assert len(rows) == 2
    assert dict(rows[1]) == {"input_ids": [7], "index": 1, "epoch": None}


def test_two_processes_mask_as_one_does(plain: Seen, tmp_path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(trainer_runs.__file__).parents[0]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, trainer_runs.__file__, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    # Each process sees half of an epoch; the last batches are filled up from the epoch's beginning.
    assert len(ranks[0]) == len(ranks[1]) and len(ranks[0]) % 3 == 0
    share = len(ranks[0]) // 3
    for number, epoch in enumerate(by_epoch(plain)):
        seen = [row for rank in ranks for row in rank[number * share : (number + 1) * share]]
        assert {tuple(ids) for ids, _ in seen} == set(epoch)
        assert all(epoch[tuple(ids)] == places for ids, places in seen)


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_that_live_on_learn_of_epochs(start: str) -> None:
    collator, rows = MLMDataCollator(tokenizer()), features(8)
    loader = DataLoader(
        rows, 4, collate_fn=collator, num_workers=2, persistent_workers=True, multiprocessing_context=start
    )
    for epoch in (0, 1, 5):
        collator.set_epoch(epoch)
        alone = MLMDataCollator(tokenizer())
        alone.set_epoch(epoch)
        for number, batch in enumerate(loader):
            expected = alone(rows[4 * number : 4 * number + 4])
            assert all(torch.equal(batch[name], expected[name]) for name in expected)
