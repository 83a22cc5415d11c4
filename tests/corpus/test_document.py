"""Documents: fields of the user's and ours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.document import free_name, last_field, with_fields

NAMES = st.sampled_from(["language", "language_2", "language_3", "pii"])


def test_a_field_of_the_users_keeps_its_name_and_value() -> None:
    theirs = {"language": "Deutsch", "language_2": "old", "copies": 3}
    found = with_fields(theirs, {"language": "de", "copies": 2, "pii": 0})
    assert found == {**theirs, "language_3": "de", "copies_2": 2, "pii": 0}
    assert theirs == {"language": "Deutsch", "language_2": "old", "copies": 3}


@given(st.dictionaries(NAMES, st.integers()), st.lists(st.dictionaries(NAMES, st.integers()), max_size=3))
def test_nothing_is_lost_and_the_last_is_found(theirs: dict[str, int], added: list[dict[str, int]]) -> None:
    fields = dict(theirs)
    for ours in added:
        before = fields
        fields = with_fields(before, ours)
        assert before.items() <= fields.items() and len(fields) == len(before) + len(ours)
    assert free_name(fields, "language") not in fields
    assert last_field({}, "language") is None
    assert last_field(with_fields({"pii": 1}, {"pii": 5}), "pii") == 5
