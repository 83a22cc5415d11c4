"""Every dropped document is listed: with its step, the reason, and the document that it is a copy of."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from documents import sentences
from tiny_steps import Short

from hornbook.artifacts import read_manifest
from hornbook.cli import program as cli
from hornbook.corpus.build.build import build, build_recipe
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.built import documents, dropped, open_corpus
from hornbook.corpus.dedup.exact import ExactDuplicates
from hornbook.corpus.dedup.fuzzy import NearDuplicates
from hornbook.corpus.dedup.overlap import Benchmarks, Elsewhere
from hornbook.corpus.steps.clean import Normalise
from hornbook.corpus.steps.language import Language
from hornbook.corpus.steps.pii import PersonalData


@pytest.fixture
def recipe(tmp_path: Path) -> CorpusRecipe:
    chance = random.Random(0)
    texts = [sentences(chance, 80) for _ in range(12)]
    texts += [texts[3].replace(" ", "  "), texts[4].upper(), f"{texts[5]} and more", texts[6] + texts[7], "short"]
    texts[8] = f"one two three  {texts[8]}"
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"text": text, "place": 7}) for text in texts))
    (tmp_path / "held.jsonl").write_text(json.dumps({"text": texts[0].lower()}))
    (tmp_path / "asked.jsonl").write_text(json.dumps({"text": " ".join(texts[7].split()[:20])}))
    held, asked = str(tmp_path / "held.jsonl"), str(tmp_path / "asked.jsonl")
    steps = (
        Normalise(),
        Short(5),
        ExactDuplicates(),
        NearDuplicates(keep="first"),
        Elsewhere((held,)),
        Benchmarks((asked,)),
    )
    return CorpusRecipe(paths=(str(tmp_path / "in.jsonl"),), steps=steps, block=2_000)


def test_each_step_tells_what_it_dropped_and_for_which_document(recipe: CorpusRecipe, tmp_path: Path) -> None:
    name = recipe.paths[0]
    ledger = build_recipe(recipe, tmp_path / "out", Engine(workers=1))
    corpus = open_corpus(tmp_path / "out")
    rows = list(dropped(corpus))
    assert [(row["id"], row["step"], row["number"], row["duplicate_of"]) for row in rows] == [
        (f"{name}#1", "elsewhere", 5, f"{tmp_path}/held.jsonl#1"),
        (f"{name}#8", "benchmarks", 6, f"{tmp_path}/asked.jsonl#1"),
        (f"{name}#13", "exact-duplicates", 3, f"{name}#4"),
        (f"{name}#14", "near-duplicates", 4, f"{name}#5"),
        (f"{name}#15", "near-duplicates", 4, f"{name}#6"),
        (f"{name}#16", "benchmarks", 6, f"{tmp_path}/asked.jsonl#1"),
        (f"{name}#17", "tiny_steps:Short", 2, None),
    ]
    assert Counter(row["reason"] for row in rows) == {
        reason: amount["documents"] for reason, amount in ledger["dropped"].items()
    }
    assert rows[0]["told"] == '{"jaccard": 1.0}' and rows[-1]["text"] == "short" and rows[0]["source"] == name
    assert [row["id"] for row in dropped(corpus, "near-duplicates")] == [f"{name}#14", f"{name}#15"]
    assert len(list(dropped(corpus, reason="A BENCHMARK"))) == 2


@pytest.mark.slow
def test_the_list_is_the_same_however_many_work(recipe: CorpusRecipe, tmp_path: Path) -> None:
    for workers in (1, 2):
        build_recipe(recipe, tmp_path / str(workers), Engine(workers=workers))
    one, two = (read_manifest(tmp_path / str(workers), "corpus", contents=True)["files"] for workers in (1, 2))
    assert one["dropped.parquet"] == two["dropped.parquet"] and one == two


def test_nothing_dropped_and_nothing_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words.")
    (tmp_path / "b.txt").write_text("")
    for name, number in (("a.txt", 1), ("b.txt", 0)):
        ledger = build([ExactDuplicates()], [str(tmp_path / name)], tmp_path / f"{name}-out", engine=Engine(workers=1))
        assert ledger["kept"]["documents"] == number
        assert list(dropped(open_corpus(tmp_path / f"{name}-out"))) == []


def test_the_command_lists_them(recipe: CorpusRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_recipe(recipe, tmp_path / "out", Engine(workers=1))
    capsys.readouterr()
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["corpus", "dropped", str(tmp_path / "out"), "--step", "near-duplicates", "--documents", "1"])
    out = capsys.readouterr().out
    assert f"#14\tnear-duplicates\tnear duplicates: like another document\t{recipe.paths[0]}#5\t" in out
    assert "1 more" in out
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["corpus", "dropped", str(tmp_path / "out"), "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 7


def test_changes_are_told_by_step_with_their_size_and_an_example(recipe: CorpusRecipe, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One  \n\n\n\nTwo\u200b")
    ledger = build([Normalise()], [str(tmp_path / "a.txt")], tmp_path / "out", engine=Engine(workers=1))
    step = ledger["steps"][0]
    assert (step["changed"], step["characters"]) == (1, 5)
    assert step["changes"] == [{"id": f"{tmp_path}/a.txt#1", "before": "One  \n\n\n\nTwo\u200b", "after": "One\n\nTwo"}]
    assert "Examples of changes" in (tmp_path / "out" / "report.html").read_text()


def test_no_step_replaces_a_field_of_the_records(tmp_path: Path) -> None:
    text = "This is a sentence in English with an address, ada@example.org, in it. "
    theirs = {"language": "Klingon", "pii": "none", "copies": -1, "encoding": 7, "language_score": None}
    records = [{"text": text * 3, **theirs}, {"text": text * 3 + " ", "pii": 5}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, records)))
    steps = [Language(min_confidence=0.0), PersonalData(), PersonalData(action="count"), ExactDuplicates()]
    ledger = build(steps, [str(tmp_path / "in.jsonl")], tmp_path / "out", engine=Engine(workers=1))
    (document,) = documents(open_corpus(tmp_path / "out"))
    assert theirs.items() <= document.meta.items()
    ours = {name: value for name, value in document.meta.items() if name not in theirs}
    assert ours.pop("language_score_2") > 0.5
    assert ours == {"language_2": "en", "pii_2": 3, "pii_3": 0, "copies_2": 2}
    assert ledger["languages"] == {"in": {"en": 2}, "kept": {"en": 1}}
