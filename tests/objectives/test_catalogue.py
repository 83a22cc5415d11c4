from __future__ import annotations

import subprocess
import sys

import pytest
from small_vocab import vocabulary

from hornbook.errors import UserError
from hornbook.objectives.catalogue import CATALOGUE, build, settings
from hornbook.objectives.masked import Masked
from hornbook.vocab import EMPTY


@pytest.mark.parametrize("kind", CATALOGUE)
def test_settings_and_build_are_inverse(kind):
    objective = build(kind, {}, vocabulary())
    assert objective == CATALOGUE[kind](vocab=vocabulary())
    assert build(kind, settings(objective), vocabulary()) == objective
    assert build(kind, {name: str(value) for name, value in settings(objective).items()}, vocabulary()) == objective


def test_text_is_read_as_the_setting_s_type():
    built = build("masked", {"rate": "0.3", "static": "10", "style": "iid", "mask_share": 1, "random_share": 0}, EMPTY)
    assert built == Masked(rate=0.3, static=10, style="iid", mask_share=1.0, random_share=0.0)
    assert [type(value) for value in settings(built).values()] == [float, float, float, str, int]


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("maskd", {}, "no objective 'maskd'. Did you mean 'masked'"),
        ("masked", {"rat": 1}, "no setting 'rat'. Did you mean 'rate'"),
        ("causal", {"rate": 1}, "no setting 'rate'. It has none"),
        ("masked", {"vocab": EMPTY}, "no setting 'vocab'"),
        ("masked", {"rate": "much"}, "'rate' of the objective 'masked' must be a number, not 'much'"),
        ("masked", {"rate": True}, "must be a number, not True"),
        ("masked", {"rate": None}, "must be a number, not None"),
        ("masked", {"static": "1.5"}, "must be a whole number, not '1.5'"),
        ("masked", {"static": 1.5}, "must be a whole number, not 1.5"),
        ("masked", {"style": "exakt"}, "cannot be 'exakt'. Did you mean 'exact'"),
        ("masked", {"rate": "nan"}, "rate must be above 0"),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(kind, given, message):
    with pytest.raises(UserError) as caught:
        build(kind, given, EMPTY)
    assert message in str(caught.value)


def test_objectives_need_numpy_alone():
    code = (
        "import sys, pkgutil, importlib, hornbook.objectives as room\n"
        "for found in pkgutil.iter_modules(room.__path__, 'hornbook.objectives.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
