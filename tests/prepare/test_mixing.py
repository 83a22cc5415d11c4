from dataclasses import replace

import numpy as np
import pytest
from mixed_text import prepared_of, recipe_of, several_domains  # noqa: F401

from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.errors import UserError
from hornbook.prepare.mixing import order_of, readings
from hornbook.recipes import settings
from hornbook.recipes.sections import Budget
from hornbook.run.pretrain import pretrain, resume
from hornbook.tokens.order import BLOCK


def test_explicit_shares_are_those_of_the_rows_that_are_read(text, tmp_path):
    few, many = (str(text / name) for name in ("few.jsonl", "many.jsonl"))
    recipe = recipe_of(text, "mix.rule=explicit", f"mix.weights={few}=3,{many}=1", "budget.steps=250")
    prepared = prepared_of(recipe, tmp_path / "run")
    rows = prepared.training_rows
    order = order_of(recipe, prepared)
    _, index = order.locate(recipe.seed, np.arange(2 * BLOCK))
    tokens = rows.rows(index, np.zeros(len(index), np.uint64)).tokens
    spelled = [prepared.tokenizer.decode(row[row > 0].tolist()) for row in tokens]
    of_few = [("one" in row or "two" in row) and not ("red" in row or "blue" in row) for row in spelled]
    assert sum(of_few) == 1500
    found = readings(recipe, prepared, order)
    assert [(item.domain, item.share) for item in found] == [(few, 0.75), (many, 0.25)]
    assert found[0].epochs == 1500 / len(rows.parts[0])


@pytest.mark.parametrize("objective", ["causal", "mixture", "nsp"])
def test_all_rows_of_all_domains_are_read_in_an_epoch(text, tmp_path, objective):
    recipe = recipe_of(text, "mix.rule=temperature", "mix.domain=topic", "model.max_length=64", objective=objective)
    prepared = prepared_of(recipe, tmp_path / "run")
    rows = prepared.training_rows
    assert list(prepared.domains) == ["green", "one", "red", "two"]
    order = order_of(recipe, prepared)
    _, index = order.locate(0, np.arange(8 * len(rows) + 20 * BLOCK))
    whole = [
        number
        for first, part in zip(rows.first, rows.parts, strict=False)
        for number in range(first, first + len(part))
    ]
    assert set(index.tolist()) == set(whole)


def test_documents_come_in_their_order(text, tmp_path):
    for order in ("quality", "length", "rarity", "compression"):
        recipe = recipe_of(text, f"mix.order={order}")
        prepared = prepared_of(recipe, tmp_path / order)
        documents = prepared.domains[""]
        if order == "length":
            assert (np.diff(prepared.store.lengths[documents]) >= 0).all()
        if order == "quality":
            assert (np.diff(prepared.text.traits.score[documents]) >= 0).all()
        held_out = prepared.held_out_rows(1000)[1]
        assert held_out == prepared_of(recipe_of(text), tmp_path / f"{order}-plain").held_out_rows(1000)[1]


def test_orders_turn_round_and_stages_come_last(text, tmp_path):
    found = {}
    for number, (order, stage) in enumerate([("length", 0.0), ("-length", 0.0), ("length", 0.2), ("topic=red", 0.0)]):
        recipe = recipe_of(text, f"mix.order={order}", f"mix.stage={stage}", "budget.steps=500")
        prepared = prepared_of(recipe, tmp_path / str(number))
        rows, documents = prepared.training_rows, prepared.domains[""]
        _, index = order_of(recipe, prepared).locate(0, np.arange(len(rows)))
        assert sorted(index.tolist()) == list(range(len(rows)))
        found[order, stage] = prepared, documents, index
    prepared, documents, index = found["-length", 0.0]
    assert (np.diff(prepared.store.lengths[documents]) <= 0).all()
    size = len(index)
    _, _, index = found["length", 0.2]
    assert sorted(index[-round(0.2 * size) :].tolist()) == list(range(size - round(0.2 * size), size))
    assert np.abs(index[: size // 2] - np.arange(size // 2)).max() > 64  # the others are shuffled through
    prepared, documents, index = found["topic=red", 0.0]
    red = prepared.text.traits.score[documents] == 1
    share = prepared.store.lengths[documents][~red].sum() / prepared.store.lengths[documents].sum()
    assert not red[: (~red).sum()].any() and index[: round(share * size)].max() < round(share * size)
    for order, said in (("topic=mauve", "No document has"), ("-shuffled", "names no order")):
        with pytest.raises(UserError, match=said):
            prepared_of(recipe_of(text, f"mix.order={order}"), tmp_path / order)
    with pytest.raises(UserError, match="order by a number"):
        recipe_of(text, "mix.stage=0.2")


def test_a_mixed_run_is_trained_measured_and_repeated_bit_for_bit(text, tmp_path, capsys):
    few = str(text / "few.jsonl")
    recipe = recipe_of(text, "mix.rule=unimax", "mix.order=quality", f"mix.late={few}=1", "mix.late_share=0.5")
    result = pretrain(recipe, tmp_path / "one", plain=True)
    assert f"from {few}, read" in capsys.readouterr().out
    assert result.unigram is not None
    again = pretrain(settings.load_recipe(tmp_path / "one" / "recipe.toml"), tmp_path / "two", plain=True)
    assert again == result
    assert resume(tmp_path / "two", plain=True) == result


def test_refusals(text, tmp_path):
    with pytest.raises(UserError, match="set both or neither"):
        recipe_of(text, "mix.rule=explicit")
    with pytest.raises(UserError, match="no number 'merit'"):
        prepared_of(recipe_of(text, "mix.order=merit"), tmp_path / "merit")
    with pytest.raises(UserError, match="no field 'kind'"):
        prepared_of(recipe_of(text, "mix.rule=temperature", "mix.domain=kind"), tmp_path / "kind")
    recipe = recipe_of(text, "mix.rule=explicit", "mix.weights=wiki=1")
    prepared = prepared_of(recipe, tmp_path / "wiki")
    with pytest.raises(UserError, match="'wiki', which the text does not have"):
        order_of(recipe, prepared)
    recipe = replace(recipe, budget=Budget(minutes=1.0))
    with pytest.raises(UserError, match="'wiki'"):
        order_of(recipe, prepared)


def test_what_is_held_out_is_counted_in_documents_and_bytes(text, tmp_path):
    recipe = recipe_of(text)
    prepared = prepared_of(recipe, tmp_path / "run")
    held_out = [
        len(document.text.encode())
        for document in read(recipe.data.paths)
        if prepared.text.split.held_out(document_hash(document))
    ]
    assert 0 < len(held_out) < 60
    assert prepared.held_out == (len(held_out), sum(held_out))
