"""What a run gained on new text and forgot of old text: from paired records, with words that the intervals allow."""

import json

import pytest
from small_models import SMALL_RUN, book

import hornbook
from hornbook.cli.program import main
from hornbook.errors import UserError
from hornbook.evaluate.adaptation import adaptation
from hornbook.evaluate.records import Records

SUMS = [" ".join(f"{n} plus {k} is {n + k}." for k in range(n % 5, n % 5 + 12)) for n in range(200, 290)]
FEW = {"data.held_out": 0.2}


def command(*arguments):
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *map(str, arguments)])
    return end.value.code


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A model of a book, and a run that went on from it with sums."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "old.txt").write_text(book())
    (folder / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in SUMS))
    # The rate is fixed, since unlike text costs a surer model ever more.
    common = {"settings": {**SMALL_RUN, "training.learning_rate": 3e-3}, "plain": True}
    base = hornbook.pretrain(folder / "old.txt", objective="causal", steps=60, out=folder / "base", **common)
    settings = {name: value for name, value in SMALL_RUN.items() if not name.startswith(("model.", "tokenizer."))}
    adapted = hornbook.pretrain(
        folder / "new.jsonl",
        start=base.directory,
        steps=60,
        out=folder / "adapted",
        settings={**settings, **FEW},
        plain=True,
    )
    return folder, base, adapted


def records(directory, name):
    return Records.load(directory / "evaluations" / f"{name}.jsonl")


def test_a_model_gains_on_new_text_and_forgets_the_old(runs):
    folder, base, adapted = runs
    found = adapted.adaptation(folder / "old.txt")
    assert [one.name for one in found.numbers] == [
        "new before", "new after", "gained", "old before", "old after", "forgotten",
    ]  # fmt: skip
    before, after, gained, was, now, forgotten = found.numbers
    assert gained.value == pytest.approx(before.value - after.value) and gained.low > 0
    assert forgotten.value == pytest.approx(now.value - was.value) and forgotten.low > 0
    origin = hornbook.load(adapted.directory / "origin")
    assert was.value == pytest.approx(origin.evaluate(folder / "old.txt").bits_per_byte)
    assert was.value == pytest.approx(base.evaluate(folder / "old.txt").bits_per_byte, rel=0.01)
    assert gained.high - gained.low < before.high - before.low  # pairs tell more than two intervals
    assert found.sentence.startswith("on the new text it gained ") and "on the old text it forgot" in found.sentence


def test_numbers_follow_from_the_records_that_are_kept(runs):
    folder, _, adapted = runs
    found = adapted.adaptation(folder / "old.txt", folder / "new.jsonl")
    origin = adapted.directory / "origin"
    kept = [{"new": records(one, "new"), "old": records(one, "old")} for one in (origin, adapted.directory)]
    assert adaptation(*kept) == found
    same = adaptation(kept[0], kept[0])
    assert same.numbers[2].value == 0.0 == same.numbers[5].value
    assert same.sentence.count("no change is shown") == 2


def test_the_command_prints_both_texts_and_a_sentence(runs, capsys):
    folder, base, adapted = runs
    assert command(adapted.directory, "--old", folder / "old.txt") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "new text" in told and "forgotten" in told and "On the new text it gained" in told
    assert command(adapted.directory, "--old", folder / "old.txt", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["numbers"]][2] == "gained"
    assert command(base.directory, "--old", folder / "old.txt") == 2
    assert "did not begin with a model" in capsys.readouterr().err


def test_numbers_of_other_kinds_are_not_compared(runs):
    folder, _, adapted = runs
    adapted.adaptation(folder / "old.txt", folder / "new.jsonl")
    one = {"new": records(adapted.directory, "new"), "old": records(adapted.directory, "old")}
    text = {**one["new"].header["text"], "kind": "bound"}
    bound = {**one, "new": Records({**one["new"].header, "text": text}, one["new"].items)}
    with pytest.raises(UserError, match="not comparable, since their objectives differ"):
        adaptation(one, bound)
    with pytest.raises(UserError, match="no bits per byte"):
        adaptation({**one, "new": Records({**one["new"].header, "text": None}, one["new"].items)}, one)
    with pytest.raises(UserError, match="no document alike"):
        adaptation({**one, "old": one["new"]}, {**one, "old": Records(one["old"].header, one["old"].items)})
