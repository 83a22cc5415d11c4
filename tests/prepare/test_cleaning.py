"""Raw text is cleaned before training: what is raw, what is said, what is left alone, and that a run keeps its mind."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import tiny_steps
from pyarrow import parquet

import hornbook
from hornbook.artifacts import read_json
from hornbook.cli import program as cli
from hornbook.console import View
from hornbook.corpus.build.build import build
from hornbook.corpus.read import read
from hornbook.corpus.steps.c4 import C4
from hornbook.errors import UserError
from hornbook.prepare.clean import CLEAN, LIBRARIES, cleaned, decided, is_raw
from hornbook.prepare.dataset import prepare
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.recipes.sections import Budget, DataSettings
from hornbook.run.directory import open_run
from hornbook.run.export import export
from hornbook.run.pretrain import pretrain, resume
from hornbook.train.checkpoints import newest

SIZES = [
    "model.width=16",
    "model.layers=1",
    "model.heads=1",
    "model.max_length=32",
    "model.mlp_width=16",
    "training.batch_rows=4",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=100",
]
SAID = "cleaning the text first: repair, normalise, exact-duplicates, near-duplicates (data.clean=none turns this off)"


def sentence(number: int) -> str:
    return f"Text number {number} of some that are all different, {number * 7} and {number * 11}, " * 5


def recipe_of(*paths, steps=1, more=()):
    return settings.override(default("causal", [*map(str, paths)], Budget(steps=steps)), [*SIZES, *more])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Twenty texts, a copy, one in a wrong encoding, and a line that is broken."""
    lines = [sentence(number) for number in range(20)]
    lines += [lines[0].replace(" ", "\u00a0 "), "caf\u00c3\u00a9 " * 9]
    path = tmp_path / "text.jsonl"
    records = [json.dumps({"text": line, "half": ("one", "two")[i % 2]}) for i, line in enumerate(lines)]
    path.write_text("\n".join(records) + "\nnot json\n")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A built corpus of text that the default steps would clean."""
    (tmp_path / "own.jsonl").write_text("\n".join(json.dumps({"text": sentence(99)}) for _ in range(3)))
    build([], [str(tmp_path / "own.jsonl")], tmp_path / "built")
    return tmp_path / "built"


def decide(*paths, clean="", say=pytest.fail) -> str:
    return decided(DataSettings(tuple(map(str, paths)), clean=clean), say).clean


def test_raw_is_what_is_neither_built_nor_built_in(text, corpus):
    assert [is_raw(path) for path in ("builtin:docs", str(corpus))] == [False, False]
    assert all(map(is_raw, (str(text), str(text.parent), "*.txt", "hf://name", "s3://bucket/name", "~")))
    assert decide(text) == decide(corpus, text, "builtin:code") == "default"
    assert decide(corpus, "builtin:code") == ""
    assert decide(text, clean="none") == "none" and decide(text, clean="my.toml") == "my.toml"


def test_a_run_on_raw_text_cleans_it_says_so_and_records_it(text, tmp_path, capsys):
    pretrain(recipe_of(text), tmp_path / "run", plain=True)
    out = capsys.readouterr().out
    assert SAID in out
    assert (
        "cleaned: 22 documents read, 21 kept, 1 dropped (1 exact duplicates: same text as another document), 1 " in out
    )
    assert f"1 could not be read (1 not valid JSON): {text} line 23; " in out
    assert f"report: {tmp_path / 'run' / CLEAN / 'report.html'}" in out
    assert "repair changed 1 text (9 characters fewer); " in out
    assert f"for example {text}#22: 'caf\u00c3\u00a9 " in out and " became 'caf\u00e9 caf\u00e9 " in out
    assert f"list what was dropped: hornbook corpus dropped {tmp_path / 'run' / CLEAN}" in out
    assert (tmp_path / "run" / CLEAN / "report.html").is_file()
    kept = "".join(
        parquet.read_table(next((tmp_path / "run" / CLEAN / "documents").glob("*.parquet")))["text"].to_pylist()
    )
    assert "caf\u00e9" in kept
    saved = settings.load_recipe(tmp_path / "run" / "recipe.toml")
    assert (saved.data.clean, saved.data.paths) == ("default", (str(text),))
    pretrain(saved, tmp_path / "again", plain=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "again")
    card = (export(open_run(tmp_path / "run")) / "README.md").read_text()
    assert f"{text}, cleaned first: 21 documents" in card


def weights(directory: Path) -> dict[str, bytes]:
    found = newest(directory / "checkpoints", pytest.fail)
    assert found is not None
    return {name: value.numpy().tobytes() for name, value in found[1].items()}


def test_a_corpus_beside_raw_text_is_taken_as_it_is(text, corpus, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    recipe = recipe_of(corpus, text, more=["data.clean=default", "mix.rule=unimax", "data.held_out=0.2"])
    prepared = prepare(recipe, tmp_path / "run", View(plain=True))
    assert prepared.text.documents == 21 + 3
    assert f"not cleaned: {corpus}\n" in capsys.readouterr().out
    own = str(tmp_path / "own.jsonl")
    assert set(prepared.domains) <= {str(text), own} and len(prepared.domains) == 2
    again = prepare(recipe, tmp_path / "run", View(plain=True))
    assert again.store.hashes.tolist() == prepared.store.hashes.tolist()


def test_where_nothing_is_raw_nothing_is_cleaned(corpus, tmp_path, capsys):
    paths = (str(corpus), "builtin:docs")
    assert cleaned(DataSettings(paths, clean="default"), tmp_path, View(plain=True)) == paths
    assert "nothing to clean" in capsys.readouterr().out
    assert not (tmp_path / CLEAN).exists()


def test_domains_may_come_from_fields_of_cleaned_text(text, tmp_path):
    more = ["data.clean=default", "mix.rule=explicit", "mix.weights=one=3,two=1", "mix.domain=half"]
    prepared = prepare(recipe_of(text, more=more), tmp_path, View(plain=True))
    assert set(prepared.domains) == {"one", "two"}


def test_without_the_libraries_the_text_is_read_as_it_is_and_a_resumed_run_stays_with_it(tmp_path, monkeypatch, capsys):
    path = tmp_path / "text.jsonl"
    path.write_text("\n".join(json.dumps({"text": sentence(number // 2)}) for number in range(20)))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "daft", None)
        pretrain(recipe_of(path), tmp_path / "run", plain=True)
    out = capsys.readouterr().out
    assert "not cleaned, because the libraries for it are not installed: pip install 'hornbook[corpus]'" in out
    assert "text: 20 documents" in out
    assert settings.load_recipe(tmp_path / "run" / "recipe.toml").data.clean == "none"
    for name in ("tokens", "checkpoints", "result.json"):
        (tmp_path / "run" / name).rename(tmp_path / name)
    resume(tmp_path / "run", plain=True)
    assert "text: 20 documents" in capsys.readouterr().out
    assert not (tmp_path / "run" / CLEAN).exists()


def test_the_libraries_that_are_looked_for_are_those_of_the_extra():
    root = Path(hornbook.__file__).parents[2]
    extra = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]["corpus"]
    names = {item.partition(">")[0].replace("-", "_").replace("scikit_learn", "sklearn") for item in extra}
    assert set(LIBRARIES) == names


def test_steps_of_a_recipe_are_taken_and_its_paths_are_not(text, tmp_path):
    recipe = tmp_path / "steps.toml"
    recipe.write_text('paths = ["elsewhere"]\n[[steps]]\nkind = "exact-duplicates"\n')
    (tmp_path / "run").mkdir()
    prepared = prepare(recipe_of(text, more=[f"data.clean={recipe}"]), tmp_path / "run", View(plain=True))
    assert prepared.text.documents == 21
    ledger = read_json(tmp_path / "run" / CLEAN / "ledger.json", "ledger")
    assert [step["kind"] for step in ledger["steps"]] == ["exact-duplicates"]


def test_as_it_is_a_broken_line_is_refused(text, tmp_path):
    with pytest.raises(UserError, match="line 23, is not valid JSON"):
        pretrain(recipe_of(text, more=["data.clean=none"]), tmp_path / "run", plain=True)
    with pytest.raises(UserError, match=r"data\.clean must be default, none or a recipe"):
        recipe_of(text, more=["data.clean=defualt"])
    with pytest.raises(UserError, match="no recipe at"):
        pretrain(recipe_of(text, more=["data.clean=nowhere.toml"]), tmp_path / "run", plain=True)
    with pytest.raises(UserError, match="an address, which only a build reads"):
        read(["s3://bucket/texts"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "\\u200b"}', "Cleaning dropped all of the text: 1 documents read, 0 kept, 1 dropped"),
        ("not json\n[]\n\nno", "There is no text to train on: 3 could not be read"),
        ("", "There is no text to train on"),
    ],
)
def test_where_nothing_is_left_one_sentence_says_why(content, words, tmp_path, capsys):
    (tmp_path / "bad.jsonl").write_text(content)
    with pytest.raises(SystemExit) as caught:
        cli.main(["pretrain", "--plain", str(tmp_path / "bad.jsonl"), "--out", str(tmp_path / "run"), *SIZES])
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert words in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_refused_after_cleaning_keeps_what_was_cleaned(text, tmp_path):
    refused = recipe_of(text, more=["model.vocab_size=2"])  # which only the tokenizer can tell
    with pytest.raises(UserError, match=r"model.vocab_size 2 is smaller .* kept: train on .*run/corpus instead"):
        pretrain(refused, tmp_path / "run", plain=True)
    again = pretrain(recipe_of(tmp_path / "run" / "corpus"), tmp_path / "again", plain=True)
    assert again.bits_per_byte is not None


def test_many_reasons_and_places_are_cut_short(tmp_path, capsys):
    lines = ["{}", "[]", "1", '{"text": 5}', "no", *(json.dumps({"text": sentence(n)}) for n in range(9))]
    (tmp_path / "text.jsonl").write_text("\n".join(lines))
    (tmp_path / "c4.toml").write_text('paths = ["x"]\n[[steps]]\nkind = "c4"\n')
    with pytest.raises(UserError, match=r"9 dropped \(9 c4"):
        cleaned(
            DataSettings((str(tmp_path / "text.jsonl"),), clean=str(tmp_path / "c4.toml")), tmp_path, View(plain=True)
        )
    assert C4().min_sentences > 1
    (tmp_path / "other").mkdir()
    cleaned(DataSettings((str(tmp_path / "text.jsonl"),), clean="default"), tmp_path / "other", View(plain=True))
    out = capsys.readouterr().out
    assert "9 documents read, all kept, 5 could not be read (2 not an object; " in out
    assert "line 1, " in out and "line 3 and others; " in out


def test_stopped_and_killed_while_it_cleans_a_run_goes_on_to_the_same_bits(tmp_path):
    lines = [json.dumps({"text": f"Document {n} has {'and the others ' * (n % 9)} {sentence(n)}"}) for n in range(60)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    (tmp_path / "slow.toml").write_text(
        'paths = ["x"]\nblock = 4000\n[[steps]]\nkind = "tiny_steps:Slow"\nseconds = 0.2\n'
        '[[steps]]\nkind = "exact-duplicates"\n'
    )
    more = [f"data.clean={tmp_path / 'slow.toml'}", "budget.steps=1"]
    pretrain(recipe_of(tmp_path / "in.jsonl", more=more), tmp_path / "whole", plain=True)

    def begin(*words: str) -> subprocess.Popen:
        paths = [
            str(Path(hornbook.__file__).parents[1]),
            str(Path(tiny_steps.__file__).parent),
            os.environ.get("PYTHONPATH", ""),
        ]
        return subprocess.Popen(
            [sys.executable, "-c", "from hornbook.cli import main; main()", "pretrain", "--plain", *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def stop(process: subprocess.Popen, done: int, number: int) -> tuple[int, str]:
        while len(list(tmp_path.glob("stopped/corpus/work/00/*.json"))) < done:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        process.send_signal(number)
        out, _ = process.communicate()
        return process.returncode, out

    directory = tmp_path / "stopped"
    process = begin(str(tmp_path / "in.jsonl"), "--out", str(directory), *SIZES, *more)
    code, out = stop(process, 1, signal.SIGINT)
    assert code == 130 and f"Stopped. Continue with: hornbook pretrain --resume {directory}" in out
    assert stop(begin("--resume", str(directory)), 3, signal.SIGKILL)[0] == -signal.SIGKILL
    resume(directory, plain=True)
    assert weights(tmp_path / "whole") == weights(directory)
