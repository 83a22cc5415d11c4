"""Code is told from prose, and no step of cleaning changes it."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import frame

from hornbook.corpus.dedup.exact import RepeatedText
from hornbook.corpus.read import read
from hornbook.corpus.step import Page
from hornbook.corpus.steps.boilerplate import Boilerplate
from hornbook.corpus.steps.clean import Normalise, Repair
from hornbook.corpus.steps.code import is_code, kind_of

CODE = {
    "Python": "import os\n\n\ndef here(place):\n    return os.getcwd() + place\n\n\nclass There:\n    x = 1\n",
    "C": '#include <stdio.h>\n\n\nint main(void)\n{\n    for (int i = 0; i < 3; i++)\n        printf("%d", i);\n}\n',
    "JavaScript": "const a = (b) => {\n  return b + 1;\n};\n\n\nconsole.log(a(2));\n",
    "Rust": "fn main() {\n    let mut x = vec![1, 2];\n    x.push(3);\n}\n",
    "shell": '#!/bin/sh\nset -e\n\n\ncd "$1"\nmake   \n',
    "SQL": "SELECT a, b\nFROM t\nWHERE a > 1;\n\n\nUPDATE t SET a = 2;\n",
    "HTML": "<html>\n<body>\n<p>Hello</p>\n\n\n</body>\n</html>\n",
    "JSON": '{\n  "name": "x",\n  "list": [1, 2],\n\n\n  "more": {}\n}\n',
    "patch": "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n one\n \n-two  \n+three\n \n",
}
PROSE = {
    "poem": "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\nRough winds;\n",
    "dialogue": 'She said: "Go (now)!"\nHe: why?\nIf not now, then when: tomorrow?\nFor all of us;\nWhile we wait:\n',
    "list": "Things to do:\n- buy milk (two);\n- call Anna;\n- write: letters, cards;\n",
    "minutes": "Present: Anna, Ben\nTime = 12:30\nThe chair (Anna) opened.\nIt was agreed;\nReturn in May.\nEnd\n",
    "recipe": "For the dough:\n200 g flour\n1 egg\nWith the sauce:\nsalt\npepper\nStir; wait; serve.\n",
    "Chinese": "他说：“好！”\n（第二天）他来了；\n然后他走了。\n",
}


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_code_is_known_by_its_lines(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_prose_is_no_code(text: str) -> None:
    assert not is_code(text)


@pytest.mark.parametrize(
    ("identity", "meta", "kind"),
    [
        ("src/a.py#3", {}, "code"),
        ("src/a.PY.gz#3", {}, "code"),
        ("src\\Makefile#1", {}, "code"),
        ("notes.md#1", {}, "markup"),
        ("paper.tex#2", {}, "markup"),
        ("book.txt#7", {}, ""),
        ("rows.jsonl#7", {"max_stars_repo_path": "src/main.rs"}, "code"),
        ("rows.jsonl#7", {"path": 7}, ""),
    ],
)
def test_code_is_known_by_the_name_of_its_file(identity: str, meta: dict[str, Any], kind: str) -> None:
    assert kind_of(identity, "folder", meta, "Words alone.") == kind


def page(texts: list[str], ids: list[str]) -> Page:
    return Page(np.arange(len(texts)), ids, ["a"] * len(texts), texts, [{}] * len(texts))


STEPS = [Normalise(), Normalise(blanks="collapse"), Repair(), Boilerplate()]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_no_step_of_cleaning_changes_code(step: Any, tmp_path: Path) -> None:
    odd = 'x = "schÃ¶n"\xa0\n\n\n\n\x0c\nclass A:\n\tpass  \r\n    e\u0301 = 1\n'
    texts = [*CODE.values(), odd]
    given = page(texts, [*(f"rows.jsonl#{number}" for number in range(len(CODE))), "a.py#1"])
    verdicts = step(given)
    assert list(verdicts.texts) == texts and not any(verdicts.reasons)


def test_lines_that_code_repeats_stay(tmp_path: Path) -> None:
    texts = [CODE["Python"], CODE["Python"] + "\n\nprint(here('and there, where else'))\n", "x"]
    assert list(RepeatedText().survey(frame(texts), tmp_path)(page(texts, ["a.py#1", "b.py#1", "c#1"])).texts) == texts


def test_the_standard_library_stays_as_it_is() -> None:
    documents = list(read([sysconfig.get_path("stdlib") + "/json/*.py", sysconfig.get_path("stdlib") + "/email/*.py"]))
    texts = [document.text for document in documents]
    given = page(texts, [document.id for document in documents])
    assert len(texts) > 50
    for step in STEPS:
        assert list(step(given).texts) == texts


def test_code_between_fences_and_the_layout_of_markup_stay() -> None:
    code = "```python\ndef a():\n    pass  \n\n\n\ndef b():\t\n    pass\n```"
    text = f"Words  \n\n\n\nmore\u200b words\n\n{code}\n\n\n\n~~~\n\n\n\nschÃ¶n\n~~~\nschÃ¶n"
    clean = Normalise()(mended(text)).texts[0]
    assert clean == f"Words\n\nmore words\n\n{code}\n\n~~~\n\n\n\nschÃ¶n\n~~~\nschön"
    assert Normalise()(page(["A line  \nbroken.\n\n\nNext\u200b\r\n"], ["a.md#1"])).texts == [
        "A line  \nbroken.\n\n\nNext\n"
    ]


def mended(text: str) -> Page:
    return page(list(Repair()(page([text], ["a.txt#1"])).texts), ["a.txt#1"])
