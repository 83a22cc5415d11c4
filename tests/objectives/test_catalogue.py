from __future__ import annotations

import subprocess
import sys

import pytest
from small_vocab import vocabulary

from hornbook.errors import UserError
from hornbook.objectives.catalogue import ALIASES, CATALOGUE, build, class_of, kind_of, settings
from hornbook.objectives.joined import Joined
from hornbook.objectives.masked import Masked
from hornbook.objectives.mixture import Mixture
from hornbook.objectives.sentence_pairs import SentencePairs
from hornbook.objectives.span_corruption import SpanCorruption
from hornbook.objectives.ul2 import UL2
from hornbook.vocab import EMPTY


@pytest.mark.parametrize("kind", CATALOGUE)
def test_settings_and_build_are_inverse(kind):
    objective = build(kind, {}, vocabulary())
    assert objective == class_of(kind)(**CATALOGUE[kind].settled, vocab=vocabulary())
    assert kind_of(objective) == kind
    assert build(kind, settings(objective), vocabulary()) == objective
    assert build(kind, {name: text(value) for name, value in settings(objective).items()}, vocabulary()) == objective


def text(value: object) -> str:
    """A setting as a person writes it on a command line."""
    if isinstance(value, dict):
        return value["kind"]
    return ",".join(map(text, value)) if isinstance(value, list) else str(value)


def test_objectives_within_objectives_come_back():
    built = build(
        "mixture",
        {
            "objectives": [
                {"kind": "joined", "objective": {"kind": "span", "density": 0.5}, "inputs": "causal"},
                {"kind": "joined", "objective": {"kind": "ul2-short", "modes": []}},
            ],
            "weights": [2, "1"],
        },
        EMPTY,
    )
    expected = Mixture((Joined(SpanCorruption(0.5), "causal"), Joined(UL2("short", modes=()))), (2.0, 1.0))
    assert built == expected
    assert build("mixture", settings(expected), EMPTY) == expected
    assert build("nsp", settings(SentencePairs(Masked(rate=0.3))), EMPTY) == SentencePairs(Masked(rate=0.3))


def test_text_is_read_as_the_setting_s_type():
    built = build("masked", {"rate": "0.3", "static": "10", "style": "iid", "mask_share": 1, "random_share": 0}, EMPTY)
    assert built == Masked(rate=0.3, static=10, style="iid", mask_share=1.0, random_share=0.0)
    assert [type(value) for value in settings(built).values()] == [float, float, float, str, int, float]


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("maskd", {}, "no objective 'maskd'. Did you mean 'masked'"),
        ("mlm", {}, "There is no objective 'mlm'; it is called 'masked' here."),
        ("MLM", {}, "There is no objective 'MLM'; it is called 'masked' here."),
        ("Span_Corruption", {}, "There is no objective 'Span_Corruption'; it is called 'span' here."),
        ("Causal", {}, "There is no objective 'Causal'; it is called 'causal' here."),
        ("masked", {"rat": 1}, "no setting 'rat'. Did you mean 'rate'"),
        ("causal", {"rate": 1}, "no setting 'rate'. It has none"),
        ("masked", {"vocab": EMPTY}, "no setting 'vocab'"),
        ("masked", {"rate": "much"}, "objective.rate must be a number above 0 and at most 1, not 'much'"),
        ("masked", {"rate": True}, "must be a number above 0 and at most 1, not True"),
        ("masked", {"rate": None}, "must be a number above 0 and at most 1, not None"),
        ("masked", {"static": "1.5"}, "must be a whole number of at least 0, not '1.5'"),
        ("masked", {"static": 1.5}, "must be a whole number of at least 0, not 1.5"),
        ("masked", {"style": "exakt"}, "not 'exakt'. Did you mean 'exact'"),
        ("joined", {"objective": "masked"}, "needs an encoder-decoder objective"),
        ("joined", {"objective": {"density": 0.5}}, "must be an objective: its kind, or a table"),
        ("joined", {"objective": {"kind": "span", "densty": 0.5}}, "no setting 'densty'. Did you mean 'density'"),
        ("mixture", {"weights": 3}, "must be a list of numbers above 0, not 3"),
        ("ul2-short", {"variant": "paper"}, "no setting 'variant'"),
        ("masked", {"rate": "nan"}, "rate must be a number above 0"),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(kind, given, message):
    with pytest.raises(UserError) as caught:
        build(kind, given, EMPTY)
    assert message in str(caught.value)


def test_names_from_elsewhere_lead_to_the_catalogue_s():
    assert set(ALIASES.values()) <= set(CATALOGUE) and not set(ALIASES) & set(CATALOGUE)


def test_the_catalogue_loads_no_objective():
    unwanted = "{'numpy', 'hornbook.objectives.base'}"
    code = f"import sys, hornbook.objectives.catalogue; print(sorted({unwanted} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_objectives_need_numpy_alone():
    code = (
        "import sys, pkgutil, importlib, hornbook.objectives as room\n"
        "for found in pkgutil.iter_modules(room.__path__, 'hornbook.objectives.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
