"""The corruption viewer is `hornbook show`: the same cells, the same refusals, every setting within reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import hornbook as hb
from hornbook.app.pictures import TOKENS, Corruption, controls, corrupted, described, read_objective, seen
from hornbook.cli.use import show
from hornbook.errors import UserError
from hornbook.objectives.base import Requirements
from hornbook.objectives.catalogue import CATALOGUE, class_of, settings
from hornbook.objectives.show import Cell, Picture, Side, text
from hornbook.recipes.named import default
from hornbook.recipes.settings import save_recipe, written
from hornbook.tokens.tokenizer.tokenizer import train_tokenizer

TEXT = "The cat sat on the mat. The dog saw the cat and ran to the door. Then it rained all day."
OWN = '''
from dataclasses import dataclass, field
from hornbook.objectives.masked import Masked


@dataclass(frozen=True)
class Sparse(Masked):
    """Masked, but less.

    rate   share of the tokens
    """
'''


def shown(capsys: pytest.CaptureFixture[str], *given: str, **options: Any) -> tuple[str, str]:
    """Return what the command `hornbook show` prints, and the sentence with which it refuses."""
    try:
        show([*given], **options)
    except UserError as error:
        return "", str(error)
    return capsys.readouterr().out, ""


def picture_of(answer: Mapping[str, Any]) -> Picture:
    """Return the picture that an answer holds, made of nothing but the answer."""
    sides = [
        Side(side["name"], tuple(Cell(**cell) for cell in side["cells"]), seen(side["sees"], len(side["cells"])))
        for side in answer["sides"]
    ]
    if sides[-1].name == "discriminator":  # both read with one mask, which is printed once
        assert (sides[0].sees == sides[1].sees).all()
        sides[1] = dataclasses.replace(sides[1], sees=sides[0].sees)
    others = tuple(map(picture_of, answer.get("others", ())))
    told = answer["objective"], tuple(answer["row"]), tuple(sides), answer["counts"], tuple(answer["notes"]), others
    return Picture(*told, added=tuple(answer.get("added", ())))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run's recipe and tokenizer, which has a mask and nothing more."""
    save_recipe(
        default(
            "masked",
        ),
        tmp_path / "recipe.toml",
    )
    (tmp_path / "tokenizer.json").write_text(train_tokenizer([TEXT] * 9, "bpe", 320, Requirements(("mask",))))
    return tmp_path


@pytest.mark.parametrize("kind", CATALOGUE)
def test_a_picture_is_what_show_prints_cell_for_cell(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    for seed in (0, 1, 2):
        answer = corrupted(Corruption({"kind": kind}, TEXT, seed=seed), ())
        assert answer["refused"] is None
        assert shown(capsys, TEXT, objective=kind, seed=seed) == (text(picture_of(answer)) + "\n", "")


@pytest.mark.parametrize("kind", ["causal", "span", "ul2", "nsp", "replaced", "joined"])
def test_with_a_run_a_picture_is_that_of_its_tokenizer(
    capsys: pytest.CaptureFixture[str], kind: str, run: Path
) -> None:
    answer = corrupted(Corruption({"kind": kind}, TEXT, run=0, seed=3, epoch=2), [run])
    printed = shown(capsys, TEXT, run=run, objective=kind, seed=3, epoch=2)
    assert printed == (text(picture_of(answer)) + "\n", "")
    assert bool(answer["added"]) == (kind in ("span", "ul2", "joined"))
    with pytest.raises(UserError, match="no run number 1"):
        corrupted(Corruption({"kind": kind}, TEXT, run=1), [run])


def test_from_python_a_run_shows_any_objective(run: Path) -> None:
    shown = hb.load(run).show(TEXT, objective="nsp", second="Rain fell.", seed=1, epoch=3)
    answer = corrupted(Corruption({"kind": "nsp"}, TEXT, second="Rain fell.", run=0, seed=1, epoch=3), [run])
    assert text(shown) == text(picture_of(answer))
    assert hb.load(run).show(TEXT, objective=hb.objective("span", density=0.5)).added[-1] == "<extra_id_0>"


@pytest.mark.parametrize("kind", CATALOGUE)
def test_controls_reach_every_field_and_its_ends(kind: str) -> None:
    names = {item.name for item in dataclasses.fields(class_of(kind))} - {"vocab", *CATALOGUE[kind].settled}
    assert {control["name"] for control in controls(kind)} == names
    for control in controls(kind):
        assert control["help"], control["name"]
        for value in reached(control):
            read = accepted({"kind": kind, control["name"]: value})
            if read is not None:
                assert holds(settings(read)[control["name"]], value), control["name"]


def holds(given: Any, wanted: Any) -> bool:
    """Say whether a setting is what was wanted, the defaults of an objective inside it left aside."""
    if isinstance(wanted, dict):
        return all(given[name] == value for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(holds, given, wanted))
    return bool(given == wanted)


def reached(control: Mapping[str, Any]) -> list[Any]:
    """Return values that a control can give, its ends and choices among them."""
    some = {
        "number": lambda: [control["low"], control["high"]],
        "choice": lambda: control["choices"],
        "flag": lambda: [True, False],
        "objective": lambda: [{"kind": "span"}, {"kind": "masked", "rate": 0.3}],
        "objectives": lambda: [[{"kind": "causal"}, {"kind": "fim", "rate": 1.0}]],
        "texts": lambda: [[], ["[A]", "[B]", "[C]"]],
        "numbers": lambda: [[], [1.0, 2.0], [1.0] * 7, [1.0] * 12, [1.0] * 4],
    }
    found: list[Any] = some[control["control"]]()
    return found


def accepted(table: dict[str, Any]) -> Any:
    """Return the objective; None where its settings do not go together, which is no matter of one control."""
    try:
        return read_objective(table)
    except UserError as error:
        assert not str(error).startswith("objective."), error
        return None


def beyond() -> Iterator[tuple[str, str, float]]:
    """Yield every number of the catalogue a step beyond each end that it has."""
    for kind in CATALOGUE:
        for control in controls(kind):
            if control["control"] == "number":
                yield kind, control["name"], control["low"] - control["step"]
                if not control["open"]:
                    yield kind, control["name"], control["high"] + control["step"]


@pytest.mark.parametrize(("kind", "name", "value"), beyond())
def test_a_step_beyond_an_end_is_refused_in_the_words_of_the_command_line(
    capsys: pytest.CaptureFixture[str], kind: str, name: str, value: float
) -> None:
    answer = corrupted(Corruption({"kind": kind, name: value}, TEXT), ())
    _, sentence = shown(capsys, TEXT, f"objective.{name}={written(value)}", objective=kind)
    assert (answer["refused"], answer["sides"]) == (sentence, [])
    assert sentence.startswith(f"objective.{name} must be ")


@pytest.mark.parametrize(
    ("table", "words", "given"),
    [
        ({"kind": "span"}, ("span",), "x"),
        ({"kind": "masked"}, ("masked",), "  "),
        ({"kind": "maskd"}, ("maskd",), TEXT),
        ({"kind": "mlm"}, ("mlm",), TEXT),
        ({"kind": "masked", "style": "words"}, ("masked", "objective.style=words"), TEXT),
        ({"kind": "masked", "rat": 0.2}, ("masked", "objective.rat=0.2"), TEXT),
        ({"kind": "masked", "random_share": 0.9}, ("masked", "objective.random_share=0.9"), TEXT),
        ({"kind": "joined", "objective": {"kind": "masked"}}, ("joined", "objective.objective=masked"), TEXT),
        (
            {"kind": "nsp", "objective": {"kind": "masked", "rate": 7}},
            ("nsp", "objective.objective.rate=7"),
            TEXT,
        ),
        ({"kind": "mixture", "objectives": ["causal", "span"]}, ("mixture", "objective.objectives=causal,span"), TEXT),
        ({"kind": "mixture", "objectives": []}, ("mixture", "objective.objectives="), TEXT),
        ({"kind": "mixture", "weights": [1]}, ("mixture", "objective.weights=1"), TEXT),
        ({"kind": "ul2", "modes": ["[A]"]}, ("ul2", "objective.modes=[A]"), TEXT),
        ({"kind": "ul2", "weights": [0, 1]}, ("ul2", "objective.weights=0,1"), TEXT),
        ({"kind": "prefix", "topology": "encoder-decoder", "mean_target": 0.7},
         ("prefix", "objective.topology=encoder-decoder", "objective.mean_target=0.7"), TEXT),
    ],
)  # fmt: skip
def test_every_other_refusal_is_that_of_the_command_line(
    capsys: pytest.CaptureFixture[str], table: dict[str, Any], words: tuple[str, ...], given: str
) -> None:
    kind, *changes = words
    _, sentence = shown(capsys, given, *changes, objective=kind)
    assert sentence
    assert corrupted(Corruption(table, given), ())["refused"] == sentence


def test_a_second_text_where_none_is_read_is_refused_in_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    answer = corrupted(Corruption({"kind": "masked"}, TEXT, second="More."), ())
    assert answer["refused"] == shown(capsys, TEXT, objective="masked", second="More.")[1]


def test_an_objective_of_ones_own_is_shown_where_it_was_named_and_never_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    Path("evil.py").write_text("raise SystemExit(open('ran', 'w').close())\n")
    kind = "own.py:Sparse"
    found = described([kind])[-1]
    assert (found["kind"], found["meaning"]) == (kind, "Masked, but less.")
    assert {control["name"] for control in found["settings"]} >= {"rate", "style"}
    answer = corrupted(Corruption({"kind": kind, "rate": 0.5}, TEXT), (), [kind])
    assert answer["refused"] is None
    assert answer["objective"].startswith("Sparse(rate=0.5")
    for table in (
        {"kind": "evil.py:A"},
        {"kind": "joined", "objective": "evil.py:A"},
        {"kind": "joined", "objective": {"kind": "evil.py:A"}},
        {"kind": "mixture", "objectives": ["causal", {"kind": "evil.py:A"}]},
        {"kind": "mixture", "objectives": "causal,evil.py:A"},
    ):
        refused = corrupted(Corruption(table, TEXT), (), [kind])["refused"]
        assert "on this page" in refused
    assert not Path("ran").exists()


def test_what_would_be_too_much_is_refused() -> None:
    assert (
        "at most 512 are shown" in corrupted(Corruption({"kind": "causal"}, "a b " * (TOKENS // 2 + 1)), ())["refused"]
    )
    many = {"kind": "mixture", "objectives": [{"kind": "fim", "rate": number / 100} for number in range(40)]}
    assert "different parts" in corrupted(Corruption(many, TEXT), ())["refused"]
