"""lm-evaluation-harness and we, on one model and the same items: nats of each item, accuracies, bits per byte, seconds.

    python benchmarks/lm_eval_parity.py TASKS RUN         needs the extra `eval`; writes its result
    python benchmarks/lm_eval_parity.py TASKS RUN 20      20 items of each task; prints alone

TASKS is a folder with blimp_a, arc_easy, boolq and lambada_a.jsonl.gz (see docs/evaluate.md for their fields), RUN a
causal run. 200 items of each task are taken, spread over the file, of those that fit into the model's positions with
two shots; the shots are the two shortest items, which are not asked. There are three sides:

    theirs    the harness's own hf backend on the exported folder, fp32, in batches of 32, and of 1, its default
    inside    the harness with `hornbook.harness.LM`
    ours      `hornbook evaluate --task ... --like lm-eval`, without shots (with shots, ours are drawn for each item)

The seconds are of scoring the requests that the harness made, without loading or making them: the sides in turn, one
thread, the better of two rounds (of batches of 1 there is one).
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import hornbook
from hornbook.evaluate.answers import answer
from hornbook.run.answer import Asking, read_task, scorer
from hornbook.train.machine import environment, find_device

RESULT = Path(__file__).parent / "results" / "lm_eval_parity.json"
ITEMS, SHOTS = 200, 2
CHOICES = 'doc_to_choice: "{{choices}}"\ndoc_to_target: label\n'
ACCURACIES = "metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]\n"
# The harness's own prompts (its tasks blimp, arc_easy, boolq and lambada_openai), on the fields of our files.
PROMPTS = {
    "blimp_a": 'doc_to_text: ""\ndoc_to_choice: "{{[sentence_good, sentence_bad]}}"\ndoc_to_target: 0\n' + ACCURACIES,
    "arc_easy": 'doc_to_text: "Question: {{question}}\\nAnswer:"\n' + CHOICES + ACCURACIES,
    "boolq": 'doc_to_text: "{{passage}}\\nQuestion: {{question}}?\\nAnswer:"\n' + CHOICES + ACCURACIES,
    "lambada_a": 'doc_to_text: "{{context}}"\ndoc_to_target: "{{\' \' + target}}"\n'
    "metric_list: [{metric: acc}, {metric: perplexity, aggregation: perplexity}]\n",
    "rolling": 'doc_to_text: ""\ndoc_to_target: "{{text}}"\n'
    "metric_list: [{metric: bits_per_byte, aggregation: bits_per_byte}]\n",
}
KINDS = {"lambada_a": "loglikelihood", "rolling": "loglikelihood_rolling"}


def asked(record: Mapping[str, Any]) -> str:
    """Return about what the harness asks of a record, with its longest answer."""
    if "sentence_good" in record:
        return max(record["sentence_good"], record["sentence_bad"], key=len)
    if "target" in record:
        return f"{record['context']} {record['target']}"
    longest = max(record["choices"], key=len)
    return "\n".join([record.get("passage", ""), f"Question: {record['question']}?", f"Answer: {longest}"])


def chosen(records: Sequence[dict[str, Any]], run: hornbook.Run, number: int) -> tuple[list[Any], list[Any]]:
    """Return (shots, items) of a task: the shortest records, and so many of the others that fit behind them."""
    lengths = [len(ids) for ids in run.tokenizer.encode([asked(record) for record in records])]
    order = sorted(range(len(records)), key=lambda place: (lengths[place], place))
    shots, room = order[:SHOTS], run.recipe.model.max_length - sum(lengths[place] + 4 for place in order[:SHOTS]) - 8
    fits = [place for place in range(len(records)) if place not in shots and lengths[place] <= room]
    step = max(1, len(fits) // number)
    return [records[place] for place in shots], [records[place] for place in fits[::step][:number]]


def written(tasks: Path, run: hornbook.Run, number: int, folder: Path) -> None:
    """Write the items of each task, their shots, and what the harness needs to ask them."""
    for name, prompt in PROMPTS.items():
        if name == "rolling":
            shots, items = [], [{"text": text} for text in texts(tasks, number)]
        else:
            with gzip.open(tasks / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            for record in records if name in ("arc_easy", "boolq") else ():  # as our prompts have them
                record["question"] = record["question"].removeprefix("Question: ").strip()
                if name == "boolq":
                    record["question"] = record["question"].rstrip("?")
            shots, items = chosen(records, run, number)
        for part, lines in (("", items), ("_shots", shots)):
            (folder / f"{name}{part}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        files = f"validation: {folder}/{name}.jsonl" + (f", train: {folder}/{name}_shots.jsonl" if shots else "")
        source = f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {{{files}}}}}\n"
        few = "fewshot_split: train\nfewshot_config: {sampler: first_n}\n" if shots else ""
        kind = f"test_split: validation\noutput_type: {KINDS.get(name, 'multiple_choice')}\n"
        (folder / f"{name}.yaml").write_text(source + few + kind + prompt, encoding="utf-8")


def texts(tasks: Path, number: int) -> list[str]:
    """Return some texts, of which most are longer than the model reads: passages joined by tens."""
    with gzip.open(tasks / "boolq.jsonl.gz", "rt", encoding="utf-8") as lines:
        passages = [json.loads(line)["passage"] for line in lines]
    return ["\n\n".join(passages[start : start + 10]) for start in range(0, min(number, 100), 10)]


def measured(model: Any, folder: Path, names: Sequence[str], shots: int) -> Any:
    """Return what the harness finds of some tasks; it is told to say nothing."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    with quiet():
        return simple_evaluate(
            model, tasks=list(names), task_manager=manager, num_fewshot=shots, log_samples=True, bootstrap_iters=0
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep bars and notes off the terminal."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def answers_of(found: Any, task: str) -> list[Any]:
    """Return what was answered to each request of a task, item after item."""
    samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
    return [reply[0] for sample in samples for reply in sample["resps"]]


def numbers_of(found: Any, task: str) -> dict[str, float]:
    wanted = ("acc,none", "acc_norm,none", "acc_bytes,none", "perplexity,none", "bits_per_byte,none")
    return {name.partition(",")[0]: found["results"][task][name] for name in wanted if name in found["results"][task]}


def farthest(here: Sequence[Any], there: Sequence[Any]) -> float:
    """Return the largest difference of two lists of nats."""
    return max(abs(float(a) - float(b)) for a, b in zip(here, there, strict=True))


def compared(here: Any, there: Any, task: str) -> dict[str, Any]:
    """Return how far two sides differ in a task, and its numbers by both."""
    pairs = [(answers_of(side, task)) for side in (here, there)]
    nats = [[reply if isinstance(reply, float) else reply[0] for reply in side] for side in pairs]
    greedy = [[None if isinstance(reply, float) else bool(reply[1]) for reply in side] for side in pairs]
    mine, theirs = numbers_of(here, task), numbers_of(there, task)
    return {
        "requests": len(nats[0]), "most_nats_apart": farthest(*nats), "greedy_equal": greedy[0] == greedy[1],
        "accuracies_equal": all(mine[name] == theirs[name] for name in mine if name.startswith("acc")),
        "inside": mine, "theirs": theirs,
    }  # fmt: skip


def by_our_command(run: hornbook.Run, folder: Path, task: str, there: Any) -> dict[str, Any]:
    """Return how far `hornbook evaluate --task` is from what the harness found without shots."""
    found = answer(scorer(run.opened), read_task(folder / f"{task}.jsonl", Asking(like="lm-eval")))
    nats = [-one for record in found.records.items for one in record["nats"]]
    theirs, expected = [reply[0] for reply in answers_of(there, task)], numbers_of(there, task)
    mine = {number.name: number.value for number in found.numbers() if number.name in expected}
    if task == "blimp_a":  # ours is the mean over paradigms, theirs over pairs
        mine = {"acc": sum(record["nats"][0] < record["nats"][1] for record in found.records.items) / len(nats) * 2}
    return {
        "most_nats_apart": farthest(nats, theirs), "ours": mine,
        "accuracies_equal": all(abs(mine[name] - expected[name]) < 1e-12 for name in mine if name.startswith("acc")),
    }  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    with quiet():
        work()
    return time.perf_counter() - begun


def main() -> None:
    """Compare, print, and keep the result."""
    tasks, run = Path(sys.argv[1]), hornbook.load(sys.argv[2])
    number = int(sys.argv[3]) if sys.argv[3:] else ITEMS
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HF_HOME"] = f"{scratch}/cache"
        results = sides(tasks, run, number, Path(scratch))
    print(json.dumps(results, indent=1))
    if not sys.argv[3:]:
        from importlib.metadata import version

        record = {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": environment(find_device())}
        record |= {"lm_eval": version("lm_eval"), "items": number, "step": run.step}
        RESULT.write_text(json.dumps(record | results, indent=1) + "\n", encoding="utf-8")


def sides(tasks: Path, run: hornbook.Run, number: int, scratch: Path) -> dict[str, Any]:
    """Return what the sides find, and the seconds that they need."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from hornbook.harness import LM

    written(tasks, run, number, scratch)
    folder = run.export(scratch / "model")

    def backend(batch: int, **more: Any) -> Any:
        return HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=batch, **more)

    ours, theirs = LM(run), backend(32)
    names, kept, results = [name for name in PROMPTS if name != "rolling"], {}, {}
    for shots in (0, SHOTS):
        some = names if not shots else [name for name in names if name != "blimp_a"]
        here, there = measured(ours, scratch, some, shots), measured(theirs, scratch, some, shots)
        kept[shots] = there
        results |= {f"{name}, {shots} shots": compared(here, there, name) for name in some}
    for name in names:
        results[f"{name}, by hornbook evaluate"] = by_our_command(run, scratch, name, kept[0])
    plain = backend(8, add_bos_token=False)  # here the harness puts the start mark itself
    here, there = (measured(model, scratch, ["rolling"], 0) for model in (ours, plain))
    results["rolling"] = compared(here, there, "rolling")
    alone, speed = backend(1), {}
    for shots, name in ((0, "blimp_a"), (0, "arc_easy"), (SHOTS, "arc_easy"), (SHOTS, "boolq")):
        requests = [
            Instance("loglikelihood", {}, tuple(arguments), place, (name, at, 1))
            for at, sample in enumerate(kept[shots]["samples"][name])
            for place, arguments in enumerate(sample["arguments"])
        ]
        found: dict[str, list[float]] = {"ours": [], "theirs": [], "theirs, batches of 1": []}
        rounds = [
            ("ours", ours),
            ("theirs", theirs),
            ("theirs, batches of 1", alone),
            ("ours", ours),
            ("theirs", theirs),
        ]
        for side, model in rounds:
            found[side].append(seconds(lambda: model.loglikelihood(requests)))  # noqa: B023
        best = {side: round(min(times), 3) for side, times in found.items()}
        speed[f"{name}, {shots} shots"] = best | {
            "times_as_fast": round(best["theirs"] / best["ours"], 2),
            "times_as_fast_as_batches_of_1": round(best["theirs, batches of 1"] / best["ours"], 2),
        }
    return {"results": results, "seconds": speed}


if __name__ == "__main__":
    main()
