"""Rows: where a label is read, that no padding or neighbour changes a logit, that no word and no row is lost."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from small_models import CPU
from transfer_runs import base, file, records, tokenizer

from hornbook.batch import Batch
from hornbook.model.electra import discriminator_config
from hornbook.model.inputs import to_tensors
from hornbook.recipes.recipe import Recipe
from hornbook.run.directory import open_run
from hornbook.transfer.examples import Classified, Tagged, Written, load_examples
from hornbook.transfer.finetune import Setting, begin
from hornbook.transfer.rows import batch_of, class_rows, layout_of, tag_rows, windows
from hornbook.transfer.task import plan_task
from hornbook.transfer.writing import Writing, prompts_of, write_rows


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return tmp_path_factory.mktemp("bases")


def tuned(bases, tmp_path, kind, name, sight=None, **model):
    """Return a task and a model whose head has first values, every bias too."""
    run = open_run(base(bases / "-".join(map(str, model.values())), kind, **model))
    train = load_examples(file(tmp_path / "train.jsonl", records(name, 12)), name)
    task = plan_task(train, run.recipe.objective, run.tokenizer, run.recipe.model, sight)
    config = task.config(discriminator_config(run.recipe.model) if kind == "replaced" else run.recipe.model)
    recipe = dataclasses.replace(run.recipe, model=config)
    setting = Setting(task, recipe, run.model.state_dict(), False, [], [], tmp_path, CPU, None, print, print)
    model = begin(setting, recipe, CPU).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return task, model, train.items


def logits(model, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        return model.task_logits(to_tensors(batch, CPU)).numpy()


def widened(batch: Batch, before: int, behind: int) -> Batch:
    """Return a batch with more padding on both sides; what stands in padding is another token each time."""

    def wide(name: str, values: np.ndarray | None) -> np.ndarray | None:
        if values is None or values.ndim == 1:
            return values
        fill = 7 if name.endswith("inputs") else 0
        return np.pad(values, ((0, 0), (before, behind)), constant_values=fill)

    return Batch(**{name: wide(name, value) for name, value in vars(batch).items()})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, name) for kind in ("causal", "masked", "span") for name in ("classify", "tag", "answer")),
        ("nsp", "pairs"), ("bart", "pairs"), ("replaced", "classify"), ("joined", "pairs"), ("diffusion", "tag"),
    ],
)  # fmt: skip
def test_pads_their_side_and_the_size_of_a_batch_change_no_logit(kind, name, bases, tmp_path):
    task, model, items = tuned(bases, tmp_path, kind, name)
    rows = task.rows(items)
    assert len({len(row.inputs) for row in rows}) > 1
    alone = np.concatenate([logits(model, task.batch([row])) for row in rows])
    for size in (3, len(rows)):
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        together = np.concatenate([logits(model, task.batch(part)) for part in parts])
        np.testing.assert_allclose(together, alone, atol=1e-5)
    for before, behind in ((0, 9), (5, 0), (4, 2)):
        padded = logits(model, widened(task.batch(rows), before, behind))
        np.testing.assert_allclose(padded, alone, atol=1e-5)
    assert np.ptp(alone) > 0.1


def test_learned_positions_count_from_the_text_s_beginning_wherever_it_stands(bases, tmp_path):
    task, model, items = tuned(bases, tmp_path, "causal", "classify", positions="learned")
    rows = task.rows(items)
    alone = np.concatenate([logits(model, task.batch([row])) for row in rows])
    np.testing.assert_allclose(logits(model, widened(task.batch(rows), 6, 1)), alone, atol=1e-5)


@pytest.mark.parametrize(("kind", "first"), [("masked", True), ("causal", False), ("span", False), ("bart", False)])
def test_a_class_is_read_at_the_first_position_or_at_the_last_real_one(kind, first, bases, tmp_path):
    task, _, _ = tuned(bases, tmp_path, kind, "classify")
    items = [
        Classified("1", "The cat.", None, "eats"),
        Classified("2", "The cat eats the fish of my aunt.", None, "sees"),
    ]
    batch = task.batch(task.rows(items))
    for number in range(2):
        real = int((batch.segments[number] != 0).sum())
        assert np.flatnonzero(batch.weights[number]).tolist() == [0 if first else real - 1]
        last = batch.inputs[number, real - 1]
        assert tokenizer().vocab.special[last], "a text ends with its mark, which a decoder's class is read at"
        assert batch.targets[number, batch.weights[number] > 0].tolist() == [int(number == 1)]
    assert (batch.segments[0] != 0).sum() < batch.inputs.shape[1], "the shorter text has padding, and it is not read"
    assert batch.count.tolist() == [1.0, 1.0]


def test_a_decoder_behind_an_encoder_reads_the_same_text_one_place_later(bases, tmp_path):
    task, _, items = tuned(bases, tmp_path, "span", "classify")
    batch = task.batch(task.rows(items))
    real = batch.segments != 0
    assert (batch.decoder_segments == batch.segments).all()
    assert (batch.decoder_inputs[:, 0] == tokenizer().vocab.pad).all()
    assert (batch.decoder_inputs[:, 1:] == batch.inputs[:, :-1])[real[:, 1:]].all()


def test_a_model_with_types_tells_the_texts_of_a_pair_apart(bases, tmp_path):
    task, _, items = tuned(bases, tmp_path, "nsp", "pairs")
    row = task.rows(items)[0]
    batch = task.batch([row])
    sep = tokenizer().vocab.sep or tokenizer().vocab.eos
    assert batch.types[0].tolist() == [0] * row.second + [1] * (len(row.inputs) - row.second)
    assert row.inputs[row.second - 1] == row.inputs[-1] == sep


def test_of_a_pair_that_is_too_long_the_longer_text_is_cut(bases, tmp_path):
    task, _, _ = tuned(bases, tmp_path, "masked", "pairs")
    long, short = "The cat eats the fish of my aunt. " * 20, "It is the fish."
    kept = tokenizer().encode([short])[0]
    for text, other in ((long, short), (short, long), (long, long)):
        row = task.rows([Classified("1", text, other, "food")])[0]
        assert len(row.inputs) == task.layout.positions and row.cut
        if other == short:
            assert row.inputs[row.second : -1].tolist() == kept.tolist()
        if text == short:
            assert row.inputs[1 : row.second - 1].tolist() == kept.tolist()
    assert not task.rows([Classified("1", short, short, "food")])[0].cut


def words(number: int) -> Tagged:
    tokens = tuple(("unbelievable", "cat", "é", "fish")[place % 4] for place in range(number))
    return Tagged("1", tokens, tuple(("B-who", "O", "B-what", "O")[place % 4] for place in range(number)))


@pytest.mark.parametrize("kind", ["causal", "masked", "span"])
@pytest.mark.parametrize("number", [1, 3, 10, 60, 333])
def test_every_word_of_a_long_sentence_is_read_once_at_its_first_token(kind, number, bases, tmp_path):
    task, _, _ = tuned(bases, tmp_path, kind, "tag")
    item = words(number)
    rows = task.rows([item])
    assert np.concatenate([row.notes for row in rows]).tolist() == list(range(number))
    assert all(len(row.inputs) <= task.layout.positions for row in rows)
    assert (len(rows) > 1) == (number > 10)
    labels = [task.labels[target] for row in rows for target in row.targets]
    assert labels == list(item.tags)
    for row in rows:
        starts = [tokenizer().decode(row.inputs[place : place + 1]).strip() for place in row.places]
        for word, start in zip(row.notes, starts, strict=True):
            spelled = item.tokens[word]
            assert spelled.startswith(start) or spelled == "é", (spelled, start)
    if len(rows) > 1:  # words at a window's edge have others around them, but for the sentence's own ends
        assert all(row.places[0] > len(task.layout.before) for row in rows[1:])


def test_a_word_longer_than_a_row_loses_its_end_and_not_its_label(bases, tmp_path):
    task, _, _ = tuned(bases, tmp_path, "masked", "tag")
    item = Tagged("1", ("cat", "x" * 300, "fish"), ("B-who", "O", "B-what"))
    rows = task.rows([item])
    assert [task.labels[target] for row in rows for target in row.targets] == list(item.tags)


def test_windows_share_their_edges():
    for lengths, room in (([3] * 50, 20), ([1, 7, 2, 9, 4] * 9, 11), ([5], 5)):
        found = windows(lengths, room)
        assert [found[0][2], found[-1][3]] == [0, len(lengths)]
        assert all(
            sum(lengths[begin:end]) <= room and begin <= first < behind <= end for begin, end, first, behind in found
        )
        assert all(one[3] == other[2] for one, other in itertools.pairwise(found))


@pytest.mark.parametrize("kind", ["causal", "prefix", "span", "bart"])
@pytest.mark.parametrize("name", ["write", "instruct"])
def test_of_a_text_to_write_the_text_alone_is_scored_and_it_ends(kind, name, bases, tmp_path):
    task, _, items = tuned(bases, tmp_path, kind, name)
    batch = task.batch(task.rows(items))
    end = tokenizer().vocab.eos
    for number, item in enumerate(items):
        scored = batch.weights[number] > 0
        said = batch.targets[number, scored].tolist()
        assert said[-1] == end and tokenizer().decode(said).strip() == item.target
        assert batch.count[number] == len(said)
        behind = batch.inputs if batch.decoder_inputs is None else batch.decoder_inputs
        places = np.flatnonzero(scored)
        assert behind[number, places[1:]].tolist() == said[:-1], "what is predicted is what stands one place later"
        if kind == "prefix":
            assert batch.visible[number].sum() == places[0] + 1, "the source is seen from both sides, its answer is not"


def test_a_source_that_is_too_long_keeps_the_words_that_ask_for_the_answer(bases, tmp_path):
    task, _, _ = tuned(bases, tmp_path, "causal", "instruct")
    item = Written("1", "Instruction: Who is it?\nInput: " + "fish " * 200 + "\nAnswer:", "the cat")
    writing: Writing = task.writing
    (prompt,), cut = prompts_of([item], writing)
    assert cut == [True] and len(prompt) + writing.longest <= task.layout.positions
    assert tokenizer().decode(prompt).endswith("\nAnswer:") and tokenizer().decode(prompt).startswith(
        "Instruction: Who"
    )
    row = write_rows([item], writing)[0]
    assert row.cut and len(row.inputs) <= task.layout.positions


def test_the_order_of_rows_is_a_function_of_seed_and_step(bases, tmp_path):
    from hornbook.transfer.finetune import Feed

    task, _, items = tuned(bases, tmp_path, "masked", "classify")
    rows = task.rows(items)
    feed = Feed(task, rows, 5, 9, 4, CPU)
    seen = [number for step in range(16) for number in feed.numbers(step)]
    for epoch in range(len(seen) // len(rows)):
        assert sorted(seen[epoch * len(rows) : (epoch + 1) * len(rows)]) == list(range(len(rows)))
    assert feed.numbers(3) == Feed(task, rows, 5, 9, 9, CPU).numbers(3) != Feed(task, rows, 6, 9, 9, CPU).numbers(3)
    halves = [Feed(task, rows, 5, 8, 4, CPU, (share, 2)).step(2) for share in range(2)]
    whole = Feed(task, rows, 5, 8, 8, CPU).step(2)
    assert sum(batch.count for part in halves for batch in part) == whole[0].count == 8
    assert isinstance(feed.step(0)[0].inputs, torch.Tensor) and len(feed.step(0)) == 3


def test_layouts_use_the_marks_of_pre_training(bases, tmp_path):
    vocab = tokenizer().vocab
    for kind, before, after in (
        ("causal", vocab.bos, vocab.eos), ("masked", vocab.cls, vocab.sep), ("replaced", vocab.cls, vocab.sep),
    ):  # fmt: skip
        run = open_run(base(bases, kind))
        layout = layout_of(run.recipe.objective, run.tokenizer, run.recipe.model, "one")
        assert (layout.before, layout.after) == ((before,), (after,))
        row = class_rows([Classified("1", "The cat.", None, None)], ("a", "b"), layout)[0]
        assert row.inputs.tolist() == [before, *tokenizer().encode(["The cat."])[0], after]
        assert tag_rows([Tagged("1", ("The", "cat."), None)], ("O",), layout)[0].inputs.tolist() == row.inputs.tolist()
        assert batch_of([row], layout).types is None
    assert isinstance(run.recipe, Recipe)
