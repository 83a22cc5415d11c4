"""Licences, languages and dates, as sources tell them and as all documents have them."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.readers import facts
from hornbook.corpus.readers.facts import date_of, iso_date, known, language, main_language, spdx


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("http://creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
        ("This work is licensed under http://creativecommons.org/licenses/by-nc-nd/3.0/us/.", "CC-BY-NC-ND-3.0"),
        ("https://CreativeCommons.org/licenses/by-nd-nc/1.0/", "https://CreativeCommons.org/licenses/by-nd-nc/1.0/"),
        ("https://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("CC BY-SA 2.5", "CC-BY-SA-2.5"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("CC0 1.0", "CC0-1.0"),
        ("CC-BY", "CC-BY"),
        ("https://www.gnu.org/licenses/fdl.html", "https://www.gnu.org/licenses/fdl.html"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"),
        (" All rights\n reserved ", "All rights reserved"),
        ("", ""),
    ],
)
def test_licences_of_creative_commons_get_their_identifiers(told: str, name: str) -> None:
    assert spdx(told) == name


@pytest.mark.parametrize(
    ("code", "tag"),
    [("eng", "en"), ("fre", "fr"), ("fra", "fr"), ("EN", "en"), ("pt_br", "pt-BR"), ("zh-Hans-CN", "zh-Hans-CN"),
     ("deu-AT", "de-AT"), ("yue", "yue"), ("und", ""), ("mul", ""), ("", ""), ("en, de", ""), ("English", "")],
)  # fmt: skip
def test_languages_are_written_as_bcp_47_does(code: str, tag: str) -> None:
    assert language(code) == tag
    assert main_language(code) == tag[:3].rstrip("-")


@pytest.mark.parametrize(
    ("parts", "date"),
    [(("2020", "Feb", "29"), "2020-02-29"), (("2021", "Feb", "29"), "2021-02"), (("2021", "13"), "2021"),
     (("1999", "september"), "1999-09"), (("99",), ""), (("2001", "", "5"), "2001"), (("0000",), "")],
)  # fmt: skip
def test_dates_are_as_exact_as_they_are_known(parts: tuple[str, ...], date: str) -> None:
    assert date_of(*parts) == date


def test_facts_that_are_not_known_are_left_out() -> None:
    assert known(a="", b=None, c=[], d=0, e=False, f="x") == {"d": 0, "e": False, "f": "x"}


@given(st.text(max_size=30))
def test_what_is_written_so_already_stays(text: str) -> None:
    for rule in (spdx, language, iso_date):
        assert rule(rule(text)) == rule(text)


def test_the_examples_hold() -> None:
    assert doctest.testmod(facts).failed == 0
