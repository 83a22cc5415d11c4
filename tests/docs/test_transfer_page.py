"""The page of transfer: its commands run as they stand there, on small files, and so does its Python."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from transfer_runs import base, file, records

from hornbook import cli
from hornbook.transfer.request import RATES

PAGE = (Path(__file__).parents[2] / "docs" / "transfer.md").read_text(encoding="utf-8")
TASK_OF = {
    "reviews": "classify", "pairs": "pairs", "names": "tag", "questions": "answer", "titles": "write",
    "orders": "instruct",
}  # fmt: skip
QUICK = ["transfer.epochs=1", "transfer.rates=1e-3", "training.threads=1"]


def commands() -> list[list[str]]:
    shell = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in shell for line in block.splitlines() if line.startswith("hornbook ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a base model and every file that the page names."""
    folder = tmp_path_factory.mktemp("page")
    base(folder / "runs", "causal").rename(folder / "runs" / "book")
    for name in {word for command in commands() for word in command if word.endswith((".jsonl", ".tsv"))}:
        if name.startswith("said"):
            continue
        task = TASK_OF[re.split(r"[-.]", name)[0]]
        lines = records(task, 16 if "-" in name else 24, seed=len(name))
        if name.endswith(".tsv"):
            table = ["\t".join(lines[0]), *("\t".join(line.values()) for line in lines)]
            (folder / name).write_text("\n".join(table) + "\n")
        else:
            file(folder / name, lines)
    return folder


def test_the_first_commands_of_the_page_run(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    run([*commands()[:2], *commands()[-2:]], capsys)
    assert (place / "said.tsv").read_text().startswith("id\tlabel\tprobability\n")
    kept = (place / "runs/reviews/evaluations/reviews-more.examples.jsonl").read_text().splitlines()
    assert len(kept) == 17 and "F1" in capsys.readouterr().out


@pytest.mark.slow
def test_every_command_of_the_page_runs(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    run(commands()[2 if (place / "runs" / "reviews").exists() else 0 : -2], capsys)
    printed = capsys.readouterr().out
    assert "predict new examples:  hornbook predict runs/classify FILE" in printed
    assert "accuracy of seeds" in printed and '"answer": ' in printed


def run(lines, capsys):
    for _, verb, *rest in lines:
        with pytest.raises(SystemExit) as ended:
            cli.main([verb, *rest, *(QUICK if verb == "transfer" and "--resume" not in rest else [])])
        assert not ended.value.code, (verb, rest, capsys.readouterr().err)


def test_the_python_of_the_page_runs(place, monkeypatch):
    monkeypatch.chdir(place)
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    code = code.replace('out="runs/reviews-2"', 'out="runs/python", settings={"transfer.epochs": 1}, seeds=1')
    exec(compile(code, "transfer.md", "exec"), {})


def test_the_rates_and_tasks_of_the_page_are_those_of_the_code():
    assert [f"{rate * 1e4:.0f}" for rate in RATES] == re.findall(r"\d+", re.search(r"\{([\d, ]+)\} x 1e-4", PAGE)[1])
    assert all(f"| {task} |" in PAGE for task in TASK_OF.values())
