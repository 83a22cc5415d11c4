"""Our scorers in lm-evaluation-harness: what it gets of them is what it gets of its own backend for the same model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from stories import story

import hornbook
from hornbook.errors import UserError

TASKS = {
    "toy_pairs": """\
output_type: multiple_choice
doc_to_text: ""
doc_to_choice: "{{[good, bad]}}"
doc_to_target: 0
metric_list: [{metric: acc}]
""",
    "toy_choices": """\
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
fewshot_split: validation
fewshot_config: {sampler: first_n}
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]
""",
    "toy_last_word": """\
output_type: loglikelihood
doc_to_text: "{{context}}"
doc_to_target: "{{' ' + word}}"
metric_list: [{metric: acc}, {metric: perplexity, aggregation: perplexity}]
""",
    "toy_rolling": """\
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: bits_per_byte, aggregation: bits_per_byte}]
""",
    "toy_writing": """\
output_type: generate_until
doc_to_text: "{{context}}"
doc_to_target: "{{word}}"
generation_kwargs: {until: ["."], max_gen_toks: 12, do_sample: false}
metric_list: [{metric: exact_match}]
""",
}
RECORDS = {
    "toy_pairs": [
        {"good": "The cat sees fish.", "bad": "The cat fish sees."}, {"good": "A dog eats.", "bad": "A eats dog."}
    ],
    "toy_choices": [
        {"question": "What does the cat see?", "choices": ["fish", "a house and bread", "café"], "answer": 1},
        {"question": "Who paints bread?", "choices": ["My aunt", "The old king paints"], "answer": 0},
        {"question": "What is eaten?", "choices": ["bread", "the cat"], "answer": 0},
    ],
    "toy_last_word": [{"context": "The old king sees a", "word": "house"}, {"context": "My aunt eats", "word": "it"}],
    "toy_rolling": [{"text": story(4)}, {"text": story(80, seed=3)}, {"text": "A dog."}],
    "toy_writing": [{"context": "The old king", "word": "paints fish"}, {"context": story(80, seed=2), "word": "x"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    for name, text in TASKS.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, RECORDS[name])), encoding="utf-8")
        source = f"dataset_kwargs: {{data_files: {{validation: {folder}/{name}.jsonl}}}}\n"
        shared = f"task: {name}\ndataset_path: json\n{source}test_split: validation\n"
        (folder / f"{name}.yaml").write_text(shared + text, encoding="utf-8")
    return folder


def trained(objective: str, folder: Path, *more: str) -> hornbook.Run:
    (folder / "book.txt").write_text(story(1200), encoding="utf-8")
    settings = {
        "data.clean": "none", "model.width": 64, "model.layers": 1, "model.heads": 2, "model.max_length": 128,
        "training.batch_rows": 8, "training.compile": "no", "training.precision": "fp32", "tokenizer.size": 400,
        "training.evaluate_tokens": 300, "training.samples": 0,
    }  # fmt: skip
    return hornbook.pretrain(
        folder / "book.txt", objective=objective, steps=8, out=folder / "run", settings=settings, plain=True
    )


def measured(model: Any, tasks: Path, *names: str, shots: int = 0) -> Mapping[str, Any]:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    return simple_evaluate(
        model, tasks=list(names), task_manager=manager, num_fewshot=shots, log_samples=True, bootstrap_iters=0
    )


def likelihoods(found: Mapping[str, Any], task: str) -> list[Any]:
    samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
    return [answer[0] for sample in samples for answer in sample["resps"]]


def numbers(found: Mapping[str, Any], task: str) -> dict[str, float]:
    return {name: value for name, value in found["results"][task].items() if isinstance(value, float)}


@pytest.mark.slow
def test_the_harness_finds_with_our_scorer_what_it_finds_with_its_own_backend(
    tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'hornbook[eval]'")
    from lm_eval.models.huggingface import HFLM

    from hornbook.harness import LM

    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    run = trained("causal", tmp_path)
    folder = run.export(tmp_path / "model")
    ours, theirs = LM(run), HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=2)
    asked = ["toy_pairs", "toy_choices", "toy_last_word"]
    for shots, names in ((0, asked), (1, ["toy_choices"])):
        here, there = measured(ours, tasks, *names, shots=shots), measured(theirs, tasks, *names, shots=shots)
        for name in names:
            for (nats, greedy), (expected, expected_greedy) in zip(
                likelihoods(here, name), likelihoods(there, name), strict=True
            ):
                assert nats == pytest.approx(expected, abs=1e-4) and greedy == expected_greedy
            assert numbers(here, name) == pytest.approx(numbers(there, name), rel=1e-4)
    plain = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=2, add_bos_token=False)
    here, there = measured(ours, tasks, "toy_rolling"), measured(plain, tasks, "toy_rolling")
    assert likelihoods(here, "toy_rolling") == pytest.approx(likelihoods(there, "toy_rolling"), abs=1e-3)
    assert numbers(here, "toy_rolling") == pytest.approx(numbers(there, "toy_rolling"), abs=1e-4)
    first, second = likelihoods(measured(ours, tasks, "toy_writing"), "toy_writing")
    assert first == likelihoods(measured(theirs, tasks, "toy_writing"), "toy_writing")[0]
    assert "." not in first + second


@pytest.mark.slow
def test_scores_that_are_no_likelihoods_make_no_perplexity_unless_a_bound_was_asked_for(
    tasks: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'hornbook[eval]'")
    from hornbook.harness import LM

    run = trained("masked", tmp_path)
    found = measured(LM(run), tasks, "toy_pairs", "toy_choices", "toy_last_word")
    assert 0 <= numbers(found, "toy_choices")["acc_bytes,none"] <= 1
    with pytest.raises(UserError, match="pseudo-likelihoods, which are no probability of a text"):
        measured(LM(run), tasks, "toy_rolling")
    with pytest.raises(UserError, match="fills gaps and continues no text"):
        measured(LM(run), tasks, "toy_writing")
    bound = measured(LM(run, way="bound"), tasks, "toy_rolling")
    assert numbers(bound, "toy_rolling")["bits_per_byte,none"] > 0
    assert "these perplexities are upper bounds" in caplog.text
    (diffusion := tmp_path / "diffusion").mkdir()
    with pytest.raises(UserError, match="say way=bound"):
        measured(LM(trained("diffusion", diffusion)), tasks, "toy_rolling")
    with pytest.raises(UserError, match="has no argument dtype"):
        LM(run, dtype="float16")
    with pytest.raises(UserError, match="not by 'continuation'"):
        LM(run, way="continuation")


@pytest.mark.slow
def test_the_command_knows_the_model_and_says_in_a_sentence_what_is_wrong(tasks: Path, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: pip install 'hornbook[eval]'")

    def asked(run: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hornbook.harness", "run", "--model", "hornbook", "--model_args", f"run={run}"]
        return subprocess.run(
            [*command, "--tasks", "toy_pairs", "--include_path", str(tasks)], capture_output=True, text=True,
            env={**os.environ, "HF_HOME": str(tmp_path / "cache")},
        )  # fmt: skip

    done = asked(trained("causal", tmp_path).directory)
    assert done.returncode == 0 and "toy_pairs" in done.stdout
    refused = asked(tmp_path / "nothing")
    assert refused.returncode == 2 and refused.stderr.splitlines()[-1].startswith("hornbook: There is no run")
    assert "Traceback" not in refused.stderr


def test_nothing_but_the_harness_loads_it() -> None:
    code = "import hornbook.cli, hornbook.api, sys; print('lm_eval' in sys.modules, 'hornbook.harness' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_without_the_harness_one_sentence_says_what_to_install() -> None:
    code = "import sys\nsys.modules['lm_eval'] = None\nimport hornbook.harness"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and "lm-evaluation-harness is not installed: pip install 'hornbook[eval]'" in done.stderr
