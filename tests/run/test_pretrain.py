"""The whole path on small text: what comes out, that it repeats, that it survives being killed, that bad input is one
sentence."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from stories import assert_same, child, finish, result_of, story

from hornbook.errors import UserError
from hornbook.evaluate.evaluation import Evaluation
from hornbook.evaluate.records import Records
from hornbook.generate import Decoding
from hornbook.generate.infill import fill_text
from hornbook.generate.text import generate_text
from hornbook.prepare.dataset import open_prepared
from hornbook.prepare.preview import names, preview_row, prompt_of
from hornbook.recipes import settings
from hornbook.recipes.named import default
from hornbook.run.build import build_loader
from hornbook.run.directory import open_run
from hornbook.run.export import export
from hornbook.run.measure import evaluate
from hornbook.run.pretrain import pretrain, resume
from hornbook.train.checkpoints import newest

OBJECTIVES = ["causal", "masked", "span"]
SMALL = [
    "data.clean=none",
    "budget.steps=6",
    "model.width=64",
    "model.layers=2",
    "model.heads=2",
    "model.max_length=64",
    "model.dropout=0.1",
    "training.batch_rows=8",
    "training.precision=fp32",
    "training.compile=no",
    "training.evaluate_tokens=500",
    "tokenizer.size=400",
]


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(story(2400), encoding="utf-8")
    return path


def recipe(book: Path, objective: str, *more: str):
    return settings.override(default(objective), [f"data.paths={book}", *SMALL, *more])


@pytest.fixture(scope="session", params=OBJECTIVES)
def run_of(request, book, tmp_path_factory) -> tuple[str, Path]:
    directory = tmp_path_factory.mktemp("runs") / request.param
    pretrain(recipe(book, request.param), directory, plain=True)
    return request.param, directory


def test_a_run_leaves_what_it_promises(run_of):
    _, directory = run_of
    names = {path.name for path in directory.iterdir()}
    assert names >= {
        "recipe.toml",
        "environment.json",
        "tokenizer.json",
        "tokens",
        "metrics.jsonl",
        "checkpoints",
        "result.json",
    }
    result = Evaluation.load(directory / "result.json")
    assert result.loss > 0 and result.unigram > 0 and result.steps > 0 and result.tokens > 0 and result.seconds > 0
    assert (result.bigram is not None) == (run_of[0] == "causal")
    kind = {"causal": "exact", "masked": "bound", "span": "exact"}[run_of[0]]
    assert result.number("bits per byte").kind == kind
    assert (result.pseudo_perplexity is not None) == (run_of[0] == "masked")
    records = Records.load(directory / "evaluations" / "held_out.jsonl")
    assert Evaluation.of(records, steps=result.steps, tokens=result.tokens, seconds=result.seconds) == result
    assert (records.header["model"], records.header["step"]) == (run_of[0], result.steps)
    assert records.header["checkpoint"] and all(len(item["id"]) == 16 for item in records.items)
    facts = json.loads((directory / "result.json").read_text())
    assert facts["parameters"] == sum(value.numel() for value in open_run(directory).model.parameters())
    assert facts["positions"] >= 6 * 8 * 64 > facts["padding"] and 0 < facts["scored"] <= facts["positions"]


def test_a_run_that_compiles_nothing_loads_no_compiler(book, tmp_path):
    code = (
        "import sys\n"
        "from hornbook.cli import main\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code\n"
        "print('loaded:', {'torch._dynamo', 'sympy'} & set(sys.modules))\n"
    )
    arguments = ["pretrain", str(book), *SMALL, "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded: set()\n")


def test_the_same_recipe_gives_the_same_bits_and_the_saved_one_repeats_the_run(run_of, tmp_path):
    _, directory = run_of
    pretrain(settings.load_recipe(directory / "recipe.toml"), tmp_path / "again", plain=True)
    assert_same(directory, tmp_path / "again")
    assert result_of(directory) == result_of(tmp_path / "again")


def test_workers_do_not_change_what_is_learnt(run_of, book, tmp_path):
    objective, directory = run_of
    pretrain(recipe(book, objective, "training.workers=2"), tmp_path / "workers", plain=True)
    assert_same(directory, tmp_path / "workers")


def test_evaluate_repeats_the_numbers_of_training(run_of):
    _, directory = run_of
    measured, found = Evaluation.load(directory / "result.json"), evaluate(open_run(directory))
    assert (found, found.steps, found.parameters) == (measured, 6, measured.parameters)


def test_other_text_can_be_measured(run_of, tmp_path):
    (tmp_path / "other.txt").write_text(story(300, seed=5))
    found = evaluate(open_run(run_of[1]), [str(tmp_path / "other.txt")])
    assert found.loss > 0 and found.text_bytes == (tmp_path / "other.txt").stat().st_size
    assert found.documents and (found.trained_on, found.warning) == (0, "")


def test_measuring_on_the_text_of_the_training_is_said(run_of, book):
    run = open_run(run_of[1])
    held_out = open_prepared(run.recipe, run.directory).held_out[0]
    found = evaluate(run, [str(book)])
    assert found.documents and found.trained_on == found.documents - held_out > 0
    assert f"trained on {found.trained_on:,} of these {found.documents:,} documents" in found.warning
    assert found.warning in found._repr_html_() and "held-out" not in found.title


def test_the_trained_model_can_be_used(run_of):
    objective, directory = run_of
    run = open_run(directory)
    if objective == "causal":
        first, second = (
            generate_text(run, ["The cat", "My"], Decoding(max_new=5, temperature=0.8, seed=1)) for _ in range(2)
        )
        assert first == second and first[0].startswith("The cat") and first[1].startswith("My")
        with pytest.raises(UserError, match="hornbook generate"):
            fill_text(run, "The [MASK].")
        return
    with pytest.raises(UserError, match="hornbook fill"):
        generate_text(run, ["The"])
    filled = fill_text(run, "The old ___ sees [MASK].", top=3)
    assert len(filled.gaps) == 2 and filled.text.startswith("The old") and filled.text.endswith(".")
    if objective == "masked":
        shares = [gap.probabilities for gap in filled.gaps]
        assert all(1 >= first >= second >= third > 0 for first, second, third in shares)
    with pytest.raises(UserError, match="no gap"):
        fill_text(run, "nothing missing")


def test_the_prompt_that_is_suggested_begins_a_held_out_document(run_of, book):
    _, directory = run_of
    prompt, with_gap = (
        prompt_of(directory, settings.load_recipe(directory / "recipe.toml"), gap) for gap in (False, True)
    )
    words = " ".join(book.read_text().split())
    assert prompt == "The" or prompt in words
    assert with_gap.split().count("___") == 1
    assert all(part.strip() in words for part in with_gap.split("___"))


def test_a_row_of_the_training_text_is_shown_as_training_reads_it(run_of):
    _, directory = run_of
    run = open_run(directory)
    loader = build_loader(run.recipe, open_prepared(run.recipe, directory), torch.device("cpu"))
    _, row = loader.order.locate(run.recipe.seed, np.arange(1))  # the row that training reads first
    read = loader.step(0)[0]
    shown = preview_row(directory, run.recipe, int(row[0]), run.recipe.seed)
    reads, says = shown.sides[0].cells, shown.sides[-1].cells
    assert [cell.reads for cell in reads] == names(run.tokenizer)(read.inputs[0].tolist())
    assert [cell.weight for cell in says] == read.weights[0].tolist()
    with pytest.raises(UserError, match="There is no row"):
        preview_row(directory, run.recipe, len(loader.rows), 0)
    # Another objective's special tokens are added for the picture; the words of the row keep their names.
    other = preview_row(directory, settings.override(run.recipe, ["objective.kind=ul2"]), 0, 0)
    assert {"[R]", "[S]", "[X]"} <= set(other.added)
    assert set(other.row) <= set(names(run.tokenizer)(range(run.tokenizer.vocab.size)))


def test_a_decoder_is_exported_as_a_gguf_file_and_nothing_else_is(run_of, tmp_path):
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    transformers = pytest.importorskip("transformers")
    objective, directory = run_of
    run = open_run(directory)
    if objective != "causal":
        with pytest.raises(UserError, match="GGUF files can hold the families"):
            export(run, tmp_path / "toy.gguf", "gguf")
        return
    assert export(run, tmp_path / "toy.gguf", "gguf") == tmp_path / "toy.gguf"
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="toy.gguf")
    text = "The old king paints a house."
    assert tokenizer.encode(text)[1:] == [int(i) for i in run.tokenizer.encode([text])[0]]


def test_the_exported_folder_opens_in_transformers_with_equal_logits(run_of, tmp_path):
    transformers = pytest.importorskip("transformers")
    objective, directory = run_of
    run = open_run(directory)
    folder = export(run, tmp_path / "export")
    auto = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM", "span": "AutoModelForSeq2SeqLM"}[
        objective
    ]
    # In double precision: a T5 that begins from counts takes large numbers from each other, of which fp32 rounds 1e-5.
    theirs, model = getattr(transformers, auto).from_pretrained(folder).double().eval(), run.model.double()
    ids = torch.from_numpy(np.array([[5, 30, 31, 32, 33, 40, 6, 90]]))
    from hornbook.model.inputs import Tensors

    behind = ids if objective == "span" else None
    batch = Tensors(
        ids, ids, torch.ones(ids.shape), float(ids.numel()), torch.arange(ids.numel()), decoder_inputs=behind
    )
    with torch.no_grad():
        expected = theirs(input_ids=ids, **({"decoder_input_ids": ids} if objective == "span" else {})).logits
        torch.testing.assert_close(model.logits(batch), expected, atol=1e-5, rtol=0)
    model.float()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = "The old king paints a house."
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == [int(i) for i in run.tokenizer.encode([text])[0]]
    if objective == "causal":
        written = transformers.pipeline("text-generation", model=str(folder))(
            "The cat", max_new_tokens=4, do_sample=False
        )
        assert written[0]["generated_text"] == generate_text(run, ["The cat"], Decoding(max_new=4))[0]
    if objective == "masked":
        guessed = transformers.pipeline("fill-mask", model=str(folder))(
            f"The old {tokenizer.mask_token} sees fish.", top_k=3
        )
        ours = fill_text(run, "The old [MASK] sees fish.", top=3, length=1).gaps[0]
        assert [item["score"] for item in guessed] == pytest.approx(ours.probabilities, abs=1e-5)


def start(book: Path, objective: str, out: Path, *more: str) -> subprocess.Popen:
    changes = [f"data.paths={book}", *SMALL, "budget.steps=300", "training.checkpoint_minutes=0.001", *more]
    return child("--objective", objective, "--out", str(out), *changes)


def go_on(book: Path, objective: str, out: Path) -> subprocess.Popen:
    """Resume the run, or start it where it was killed before it had a recipe."""
    return child("--resume", str(out)) if (out / "recipe.toml").exists() else start(book, objective, out)


def test_killed_and_resumed_ends_with_the_bits_of_the_undisturbed_run(book, tmp_path):
    finish(start(book, "masked", tmp_path / "whole"))
    out = tmp_path / "killed"

    def recorded(steps: int) -> bool:
        path = out / "metrics.jsonl"
        return path.exists() and path.read_text().count('"train"') >= steps

    for moment in (
        lambda: (out / "tokenizer.json").exists(),
        lambda: recorded(20),
        lambda: recorded(150),
    ):
        process = go_on(book, "masked", out)
        while not moment() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert not (out / "result.json").exists(), "the run ended before it was killed"
    finish(go_on(book, "masked", out))
    assert_same(tmp_path / "whole", out)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_killed_at_twenty_random_moments(book, tmp_path, objective):
    finish(start(book, objective, tmp_path / "whole"))
    begun = time.monotonic()
    out = tmp_path / "killed"
    finish(start(book, objective, tmp_path / "timed"))
    whole = time.monotonic() - begun
    draw = random.Random(objective)
    killed = 0
    while killed < 20:
        process = go_on(book, objective, out)
        time.sleep(draw.uniform(0.2, 0.7) * whole)
        killed += process.poll() is None
        process.kill()
        process.wait()
        if (out / "result.json").exists():  # it reached the end: kill the next one from the beginning again
            assert_same(tmp_path / "whole", out)
            shutil.rmtree(out)
    finish(go_on(book, objective, out))
    assert_same(tmp_path / "whole", out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_saves_says_how_to_go_on_and_exits_with_its_code(book, tmp_path, number):
    process = start(book, "causal", tmp_path / "run", "budget.steps=100000", "training.evaluate_every=100000")
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert f"hornbook pretrain --resume {tmp_path / 'run'}" in errors and "Traceback" not in errors
    assert newest(tmp_path / "run" / "checkpoints", pytest.fail) is not None


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_layers_are_compiled_says_how_to_go_on(book, tmp_path, monkeypatch, number):
    cache = tmp_path / "cache"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    process = start(book, "causal", tmp_path / "run", "training.compile=yes")
    while not any(cache.rglob("*.py")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    assert f"hornbook pretrain --resume {tmp_path / 'run'}" in errors and "Traceback" not in errors
    assert not any((tmp_path / "run").glob("checkpoints/step-*"))


def test_a_tracker_of_ones_own_hears_the_run_and_may_be_named_anew_when_it_goes_on(book, tmp_path):
    (tmp_path / "my.py").write_text(
        "class Lines:\n"
        "    def open(self, directory, name, settings, resumed_at):\n"
        "        self.stream = (directory / 'lines.txt').open('a')\n"
        "        print(name, settings['budget']['steps'], resumed_at, file=self.stream)\n"
        "    def write(self, record):\n"
        "        print(record['kind'], record['step'], file=self.stream)\n"
        "    def close(self):\n"
        "        self.stream.close()\n"
    )
    tracker, run = f"logging.trackers={tmp_path / 'my.py'}:Lines", tmp_path / "run"
    pretrain(recipe(book, "causal", "training.evaluate_every=3", tracker), run, plain=True)
    heard = (run / "lines.txt").read_text().splitlines()
    assert heard[0] == "run 6 0" and heard.count("train 6") == heard.count("held_out 3") == 1
    (run / "result.json").unlink()
    shutil.rmtree(run / "checkpoints" / "step-00000006")
    (run / "lines.txt").unlink()
    resume(run, ["logging.trackers="], plain=True)
    assert not (run / "lines.txt").exists() and Evaluation.load(run / "result.json").loss > 0


def test_a_tracker_that_does_not_exist_is_refused_before_any_work_and_leaves_nothing(book, tmp_path):
    with pytest.raises(UserError, match="Did you mean 'wandb'"):
        pretrain(recipe(book, "causal", "logging.trackers=wand"), tmp_path / "run", plain=True)
    assert not (tmp_path / "run").exists()


def test_a_new_run_does_not_overwrite_an_old_one(run_of, book):
    with pytest.raises(UserError, match="already holds a run"):
        pretrain(recipe(book, "causal"), run_of[1], plain=True)


def bad(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"word\0word" * 2000, "binary data"),
        (b"caf\xe9 " * 2000, "UTF-8"),
        (b"too short", "too short"),
    ],
)
def test_bad_text_is_one_sentence_and_leaves_nothing(tmp_path, content, says):
    with pytest.raises(UserError, match=says):
        pretrain(recipe(bad(tmp_path, "bad.txt", content), "causal"), tmp_path / "run", plain=True)
    assert not (tmp_path / "run").exists()


def test_missing_text_is_one_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        pretrain(recipe(tmp_path / "nowhere.txt", "causal"), tmp_path / "run", plain=True)
    assert not (tmp_path / "run").exists()


def test_a_corrupt_shard_is_named(book, tmp_path):
    pretrain(recipe(book, "causal"), tmp_path / "run", plain=True)
    shard = next((tmp_path / "run" / "tokens").rglob("tokens.npy"))
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserError, match="damaged"):
        evaluate(open_run(tmp_path / "run"))


def test_a_tokenizer_that_does_not_belong_to_the_shards_is_refused(book, tmp_path, run_of):
    (tmp_path / "other.txt").write_text(story(800).replace("e", "ou"))
    pretrain(recipe(tmp_path / "other.txt", "causal"), tmp_path / "run", plain=True)
    (tmp_path / "run" / "tokenizer.json").write_text((run_of[1] / "tokenizer.json").read_text())
    with pytest.raises(UserError, match="tokenizer"):
        evaluate(open_run(tmp_path / "run"))


def test_a_tokenizer_without_a_mask_token_is_refused_in_words(book, tmp_path, run_of):
    content = json.loads((run_of[1] / "tokenizer.json").read_text())
    content["added_tokens"] = [item for item in content["added_tokens"] if item["content"] != "<mask>"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="needs a mask token"):
        pretrain(recipe(book, "masked", f"tokenizer.file={tmp_path / 'tokenizer.json'}"), tmp_path / "run", plain=True)
    assert not (tmp_path / "run").exists()


def test_the_text_changing_under_an_interrupted_run_is_noticed(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(story(800))
    pretrain(recipe(path, "causal"), tmp_path / "run", plain=True)
    shutil.rmtree(tmp_path / "run" / "tokens")
    path.write_text(story(801))
    with pytest.raises(UserError, match="text has changed"):
        resume(tmp_path / "run", plain=True)
