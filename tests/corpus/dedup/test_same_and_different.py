"""Texts that must never count as the same, and texts that must: commands, equations, code, and copies of prose."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
from documents import frame, page

from hornbook.corpus.dedup.exact import ExactDuplicates
from hornbook.corpus.dedup.fuzzy import NearDuplicates
from hornbook.corpus.dedup.overlap import Benchmarks, Elsewhere
from hornbook.corpus.step import Survey

DIFFERENT = [
    "pstree -p", "pstree -p $$", "77-77=0", "7-77=-70", "C++", "C#", "C", "8.48", "848", "8,48", "ls -S", "ls -s",
    "rm -rf / tmp", "rm -rf /tmp", "x²", "x2", "a ≤ b", "a ≥ b", "a != b", "a == b", "👍", "👎", "cd ~", "cd -",
    "f(x)", "f[x]", "echo $x", "echo '$x'", "[^a]", "[a]", "2^10", "2*10", "10€", "10£", "!", "?", "a|b", "a||b", "I",
    "i", "cd ..",
]  # fmt: skip


def commands(number: int) -> list[str]:
    chance = random.Random(1)
    forms = (
        "{0} -{1} {2}",
        "{0} -{1} {2} | {3} -{4}",
        "{0} {2} > {5}",
        "{0} -{1}{4} '{2}' && {3} {5}",
        "{3} $({0} {2})",
    )
    marks = (
        "*",
        "?",
        ".",
        "..",
        "~",
        "$$",
        "$1",
        "$@",
        "./*",
        "/",
        "-",
        "--",
        "!!",
        "%",
        "@",
        "#",
        "[0-9]",
        "{a,b}",
        "^x$",
    )
    found: set[str] = set()
    while len(found) < number:
        one, other = chance.choices(("ls", "ps", "grep", "find", "sed", "awk", "pstree", "tar", "xargs", "du"), k=2)
        letter, second = chance.choices("pPaAsSxXvVnN0", k=2)
        first, last = chance.choices(marks, k=2)
        found.add(chance.choice(forms).format(one, letter, first, other, second, last))
    return sorted(found)


def equations(number: int) -> list[str]:
    chance = random.Random(2)
    found: set[str] = set()
    while len(found) < number:
        terms = [str(chance.randrange(-99, 99)) for _ in range(chance.randint(2, 9))]
        between = chance.choice(("", " "))
        left = "".join(term + between + chance.choice("+-*/") + between for term in terms[:-1]) + terms[-1]
        found.add(f"{left}{between}={between}{chance.randrange(-999, 999)}")
    return sorted(found)


def lines_of_code() -> list[str]:
    names, signs = (
        ("i", "j", "I", "x_1", "x1"),
        ("+", "-", "*", "==", "!=", "<=", ">=", "&", "&&", "|", "||", "<<", ">>"),
    )
    forms = ("if ({0} {2} {1}) {{", "{0} {2}= {1};", "return {0} {2} {1}", "a[{0}] = {0} {2} {1};", "f({0},{1}) {2} 0")
    places = itertools.product(forms, itertools.permutations(names, 2), signs)
    return sorted({form.format(one, other, sign) for form, (one, other), sign in places})


def dropped(step: Survey, texts: list[str], directory: Path) -> list[str]:
    directory.mkdir(exist_ok=True)
    reasons = step.survey(frame(texts), directory)(page(texts)).reasons
    return [text for text, reason in zip(texts, reasons, strict=True) if reason]


@pytest.mark.parametrize("step", [ExactDuplicates(), NearDuplicates()], ids=["exact", "near"])
@pytest.mark.parametrize(
    ("texts", "number"),
    [(DIFFERENT, len(DIFFERENT)), (commands(10_000), 10_000), (equations(30_000), 30_000), (lines_of_code(), 1_300)],
    ids=["pairs", "commands", "equations", "code"],
)
def test_texts_in_which_marks_decide_are_never_the_same(
    step: Survey, texts: list[str], number: int, tmp_path: Path
) -> None:
    assert len(texts) == number
    assert dropped(step, texts, tmp_path) == []


PROSE = {
    "English": "“All human beings are born free,” the page says—and equal… in dignity: it’s their right, isn’t it?",
    "French": "« Tous les êtres humains naissent libres » – dit la page – « et égaux en dignité et en droits… »",
    "German": "„Alle Menschen sind frei und gleich an Würde geboren“, sagt die Seite – ‚mit Vernunft begabt‘.",
    "Russian": "«Все люди рождаются свободными и равными», — говорится на странице, — «в своём достоинстве и правах».",
    "Chinese": "他说：“人人生而自由，在尊严和权利上一律平等。”他们赋有理性和良心，并应以兄弟关系的精神相对待！",
    "Japanese": "「すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。」とある。",
    "Arabic": "«يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق»، هكذا يقول النص؛ أليس كذلك؟",
    "Spanish": "«Todos los seres humanos nacen libres e iguales», dice la página —¿no es así?— «en dignidad».",
    "Korean": "“모든 인간은 태어날 때부터 자유로우며, 그 존엄과 권리에 있어 동등하다” — 라고 그 문서는 말한다…",
}
PLAIN = str.maketrans(
    {
        **dict.fromkeys("“”„«»「」", '"'),
        **dict.fromkeys("‘’‚", "'"),
        **dict.fromkeys("—–", "-"),
        "，": ",",
        "。": ".",
        "：": ":",
        "！": "!",
        "、": ",",
        "…": "...",
        "،": ",",
        "؛": ";",
        "؟": "?",
    }
)
NOTHING = dict.fromkeys(map(ord, '“”„«»「」‘‚—–，。：！、…،؛؟,.;:!?"¿'), " ")


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_copies_of_prose_that_differ_in_marks_alone_are_near_duplicates(text: str, tmp_path: Path) -> None:
    other = "A text of its own, which nobody has copied from the page above, and which is therefore to stay here."
    copies = [text.translate(PLAIN), text.translate(NOTHING), text.replace(" ", "\xa0"), text.replace("a", "\u00ada")]
    assert all(copy != text or "a" not in text for copy in copies)
    assert len(dropped(NearDuplicates(), [text, other, *copies], tmp_path / "near")) == len(copies)
    (tmp_path / "other.jsonl").write_text(json.dumps({"text": text}))
    elsewhere = Elsewhere((str(tmp_path / "other.jsonl"),))
    assert dropped(elsewhere, [other, *copies], tmp_path / "elsewhere") == copies
    benchmarks = Benchmarks((str(tmp_path / "other.jsonl"),), words=8)
    found = [f"{other} {copy} {other}" for copy in copies]
    assert dropped(benchmarks, [other, *found], tmp_path / "benchmarks") == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("“Yes,” she said.", '"Yes," she said.'),
        ("«Oui»", '"Oui"'),
        ("I don’t know", "I don't know"),
        ("你好，世界！", "你好,世界!"),
        ("ＡＢＣ１２３", "ABC123"),
        ("Wait…", "Wait..."),
        ("caf\u00e9", "cafe\u0301"),
        ("Köln – Bonn", "Köln - Bonn"),
    ],
)
def test_short_copies_that_differ_in_the_kind_of_mark_are_near_duplicates(one: str, other: str, tmp_path: Path) -> None:
    assert dropped(NearDuplicates(keep="first"), [one, other], tmp_path / "near") == [other]
    assert dropped(ExactDuplicates(), [one, other], tmp_path / "exact") == []


def test_a_benchmark_in_which_marks_decide_is_found_by_them(tmp_path: Path) -> None:
    items = ["(3 + 4) * 2 - 1 = 13 and 5 - 6 = -1", "x = [i * 2 for i in y if i > 0]; print(x[0])"]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": item}) + "\n" for item in items))
    around = "Here is what was asked of the class: {} That is all, and they went home."
    step = Benchmarks((str(tmp_path / "b.jsonl"),), words=6)
    texts = [
        around.format(text) for text in (*items, items[0].replace("*", "/").replace("-", "+"), "3 4 2 1 13 and 5 6 1")
    ]
    verdicts = step.survey(frame(texts), tmp_path)(page(texts))
    assert [bool(reason) for reason in verdicts.reasons] == [True, True, False, False]
    assert verdicts.metas is not None and verdicts.metas[1] == {"like": f"{tmp_path / 'b.jsonl'}#2"}
