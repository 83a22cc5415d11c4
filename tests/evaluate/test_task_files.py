"""Tasks from files: fields say which, settings beside them how, and what is no task is refused in one sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import UserError
from hornbook.evaluate.task_files.fields import Wording
from hornbook.evaluate.task_files.read import labels_of, load_task
from hornbook.evaluate.tasks import Task

PAIR = {"sentence_good": "The cat sees herself.", "sentence_bad": "The cat sees himself.", "UID": "anaphor"}
CHOICES = ["water", "stone", "fire"]
CHOICE = {"question": "Question: What is wet?", "choices": CHOICES, "label": 0}
YES_NO = {"passage": "Rain falls.", "question": "does it rain?", "choices": ["no", "yes"], "label": "yes"}
COPA = {
    "premise": "The man fell.",
    "question": "cause",
    "choice1": "He slept.",
    "choice2": "Ice lay there.",
    "label": 1,
}
PIQA = {"goal": "Open a jar", "sol1": "turn the lid", "sol2": "turn the jar's glass", "label": 0}
WORD = {"context": "He said good ", "target": "night"}
CONTEXTS = ["The cup fell, so the cup", "The cup fell, so the cat"]
SCHEMA = {"context_options": CONTEXTS, "continuation": "broke.", "label": 0}


def written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


# record -> kind, headline, answer, candidates: prompts are lm-evaluation-harness's, to the letter
FIELDS = {
    "pair": (PAIR, "pairs", "acc", 0, (("", "The cat sees herself."), ("", "The cat sees himself."))),
    "choice": (
        CHOICE, "choices", "acc_bytes", 0, tuple(("Question: What is wet?\nAnswer:", f" {one}") for one in CHOICES),
    ),
    "yes": (
        YES_NO, "choices", "acc", 1,
        tuple(("Rain falls.\nQuestion: does it rain?\nAnswer:", one) for one in (" no", " yes")),
    ),
    "copa": (
        COPA, "choices", "acc", 1,
        (("The man fell because", " he slept."), ("The man fell because", " ice lay there.")),
    ),
    "effect": (
        {"premise": "It rains.", "question": "effect", "choices": ["We ran.", "We sat."], "label": "We ran."},
        "choices", "acc", 0, (("It rains therefore", " we ran."), ("It rains therefore", " we sat.")),
    ),
    "piqa": (
        PIQA, "choices", "acc_bytes", 0,
        tuple(("Question: Open a jar\nAnswer:", f" {PIQA[one]}") for one in ("sol1", "sol2")),
    ),
    "schema": (SCHEMA, "schemas", "acc", 0, tuple((context, " broke.") for context in CONTEXTS)),
    "word": (WORD, "last word", "acc", 0, (("He said good", " night"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_fields_say_which_task_it_is_and_prompts_are_the_harness_s(name: str, tmp_path: Path) -> None:
    record, kind, headline, answer, candidates = FIELDS[name]
    task = load_task(written(tmp_path / f"{name}.jsonl", record))
    item = task.items[0]
    assert (task.kind, task.headline, item.answer, item.candidates, item.id) == (
        kind,
        headline,
        answer,
        candidates,
        "1",
    )


def test_classification_is_choices_of_label_words(tmp_path: Path) -> None:
    rows = tmp_path / "dev.tsv"
    rows.write_text('text\tlabel\nfine "film\t1\na bore\t0\n')
    asked = Wording(prompt="{text} It was", labels=labels_of("0=terrible, 1=great"))
    task = load_task(rows, asked)
    assert task.items[0].candidates == (('fine "film It was', " terrible"), ('fine "film It was', " great"))
    assert (task.name, task.kind, task.headline, task.labels) == ("dev", "choices", "acc", (" terrible", " great"))
    assert [item.answer for item in task.items] == [1, 0]
    with pytest.raises(UserError, match=r"dev.tsv are no words: give a word for each, --labels 0=WORD,1=WORD"):
        load_task(rows)
    with pytest.raises(UserError, match="line 3: the label '0' is none of those that have a word: 1, 2"):
        load_task(rows, Wording(labels={"1": "great", "2": "odd"}))
    words = tmp_path / "dev.csv"
    words.write_text('text,label\n"good, very",positive\nbad,negative\n')
    task = load_task(words)
    assert task.items[0].candidates[task.items[0].answer] == ("good, very\nLabel:", " positive")
    words.write_text("text,label\ngood,positive,more\n")
    with pytest.raises(UserError, match=r"dev.csv, line 2 has not 2 columns"):
        load_task(words)
    for wrong in ("0", "0=a,1", "0=a,1=a", "0=a", "=a,1=b"):
        with pytest.raises(UserError, match="labels"):
            labels_of(wrong)


def test_a_table_has_its_numbers_as_text(tmp_path: Path) -> None:
    table = tmp_path / "piqa.csv"
    table.write_text("goal,sol1,sol2,label\nOpen a jar,turn,pull,1\n")
    task = load_task(table)
    assert (task.items[0].answer, task.items[0].candidates[1]) == (1, ("Question: Open a jar\nAnswer:", " pull"))
    table.write_text("goal,sol1,sol2,label\nOpen a jar,turn,pull,2\n")
    with pytest.raises(UserError, match="line 2: the label '2' is neither"):
        load_task(table)


def test_settings_beside_a_file_give_another_prompt_metric_and_delimiter(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", CHOICE)
    (tmp_path / "t.toml").write_text('prompt = "Q {question} {topic}\\nA:"\nheadline = "acc_pmi"\ndelimiter = "\\n"\n')
    with pytest.raises(UserError, match=r"t.jsonl, line 1 has no field 'topic', which the prompt asks for"):
        load_task(path)
    written(path, {**CHOICE, "topic": "{choices}"})
    task = load_task(path)
    assert task.items[0].candidates[0] == ("Q Question: What is wet? {choices}\nA:", "\nwater")
    assert (task.headline, task.neutral) == ("acc_pmi", "A:")
    assert load_task(path, Wording(prompt="{question}")).items[0].candidates[0] == ("Question: What is wet?", "\nwater")
    wrong = {
        'prompts = "x"': r"has a setting 'prompts', which no task has. Did you mean 'prompt'",
        'headline = "f1"': "headline in .*t.toml must be acc, acc_norm, acc_bytes, acc_token or acc_pmi, not 'f1'",
        "labels = 3": "labels in .*t.toml must be a table of labels and their words",
        "prompt = x": r"The settings .*t.toml cannot be read: .*line 1",
    }
    for text, words in wrong.items():
        (tmp_path / "t.toml").write_text(text)
        with pytest.raises(UserError, match=words):
            load_task(path)


# What is wrong with a record -> what is said of it, behind the file and the line
BROKEN = {
    "no field": ({"name": "hello"}, "has not the fields of a task"),
    "a field is missing": ({"question": "What?", "choices": ["a", "b"]}, "lacks label, which multiple choice need"),
    "no text": ({"sentence_good": "A", "sentence_bad": " "}, "sentence_bad must be text, and not empty"),
    "label": ({**CHOICE, "label": 3}, "the label 3 is neither one of the choices nor a number from 0 to 2"),
    "negative": ({**CHOICE, "label": -1}, "the label -1 is neither"),
    "true": ({**CHOICE, "label": True}, "the label True is neither"),
    "label outside": ({**CHOICE, "label": "ice"}, "the label 'ice' is neither"),
    "one choice": ({**CHOICE, "choices": ["a"]}, "choices must be a list of at least two texts, none of them empty"),
    "empty choice": ({**CHOICE, "choices": ["a", ""]}, "choices must be a list of at least two texts"),
    "a number": ({**WORD, "target": 7}, "target must be text"),
    "cause": ({**COPA, "question": "why"}, "question must be cause or effect, not 'why'"),
    "causes": ({**COPA, "question": ["cause"]}, "question must be cause or effect, not"),
    "a cause alone": ({"premise": "A.", "question": "cause", "choice1": "b", "label": 0}, "lacks choice2"),
    "mixed": (PAIR, "is of minimal pairs, and the lines before it of multiple choice"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_item_is_refused_by_its_place(name: str, tmp_path: Path) -> None:
    record, words = BROKEN[name]
    before = [] if "no field" in name or "missing" in name else [CHOICE] if name == "mixed" else []
    with pytest.raises(UserError, match=words) as found:
        load_task(written(tmp_path / "t.jsonl", *before, record))
    assert f"t.jsonl, line {len(before) + 1}" in str(found.value) and "\n" not in str(found.value)


def test_what_is_no_task_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("[1]\n")
    (tmp_path / "text.jsonl").write_text(json.dumps(PAIR) + "\nhello\n")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(PAIR).encode() * 100)[:60])
    (tmp_path / "none.jsonl").write_text("\n")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    (tmp_path / "table.csv").write_text("")
    (tmp_path / "half.jsonl").write_text(json.dumps({**PAIR, "sentence_bad": "\ud800"}))
    said = {
        "list.jsonl": "line 1 is no record", "text.jsonl": "line 2 is not JSON", "bytes.jsonl": "cannot be read",
        "cut.jsonl.gz": "cannot be read", "none.jsonl": "holds no items", "deep.jsonl": "line 1 is not JSON",
        "absent.jsonl": "There is no task file", "": "is a folder: name a task file in it", "table.csv": "no items",
        "half.jsonl": "line 1 is not JSON",
    }  # fmt: skip
    for name, words in said.items():
        with pytest.raises(UserError, match=words):
            load_task(tmp_path / name)
    (tmp_path / "good.jsonl.gz").write_bytes(gzip.compress((json.dumps(PAIR) + "\n").encode()))
    assert load_task(tmp_path / "good.jsonl.gz").name == "good"


RHYMES = """from hornbook.evaluate.tasks import Item

def rhymes():
    for word, rhyme, other in [("cat", "hat", "dog"), ("night", "light", "moon")]:
        yield Item(((f"{word} rhymes with", f" {rhyme}"), (f"{word} rhymes with", f" {other}")))
"""
OWN = {
    "fails": ("def T():\n    yield 1 / 0\n", r"my.py:T fails: line 2 of .*my.py: ZeroDivisionError: division by zero"),
    "no items": ("def T():\n    return []\n", "line 1 of .*my.py: T gives no items"),
    "a text": ("\ndef T():\n    yield 'x'\n", r"line 2 of .*my.py: T must give Items or records, not a str \(item 1\)"),
    "a number": ("def T():\n    return 3\n", "fails: .*TypeError"),
    "answer": ("def T():\n    yield Item((('a', 'b'), ('a', 'c')), 2)\n", "the answer of item 1 of T must be a number"),
    "candidates": ("def T():\n    yield Item(('a', 'b'))\n", "candidates of item 1 of T must be"),
    "empty": ("def T():\n    yield Item((('a', ' '), ('a', 'c')))\n", "a continuation of item 1 of T is empty"),
    "a record": ("def T():\n    yield {'question': 'q'}\n", "my.py:T, line 1 lacks"),
    "kinds": (
        "def T():\n    yield Item((('a', 'b'),))\n    yield Item((('', 'b'), ('', 'c')))\n",
        "gives last word and pairs",
    ),
    "syntax": ("def T(:\n", "cannot be imported: line 1 of"),
    "absent": ("x = 1\n", "There is no task 'T' in"),
}  # fmt: skip


def own(folder: Path, source: str, name: str) -> Task:
    before = (
        "" if source.startswith("from") or "Item" not in source else "from hornbook.evaluate.tasks import Item, Task\n"
    )
    (folder / "my.py").write_text(before + source)
    return load_task(f"{folder / 'my.py'}:{name}")


def test_a_task_of_ones_own_is_a_function_or_a_class_in_a_file(tmp_path: Path) -> None:
    task = own(tmp_path, RHYMES, "rhymes")
    assert (task.name, task.kind, task.headline, len(task.items)) == ("rhymes", "choices", "acc_bytes", 2)
    assert [item.id for item in task.items] == ["1", "2"]
    records = f"class T:\n    def __iter__(self):\n        yield from {[CHOICE, CHOICE]!r}\n"
    assert own(tmp_path, records, "T").items[1].candidates == load_task(
        written(tmp_path / "t.jsonl", CHOICE)
    ).items[0].candidates  # fmt: skip
    whole = "def T():\n    return Task('x', 'pairs', (Item((('', 'a'), ('', 'b'))),), 'acc')\n"
    assert own(tmp_path, whole, "T").name == "x"


@pytest.mark.parametrize("name", OWN)
def test_faults_of_a_task_of_ones_own_are_told_in_one_sentence_with_the_line(name: str, tmp_path: Path) -> None:
    source, words = OWN[name]
    with pytest.raises(UserError, match=words):
        own(tmp_path, source, "T")
