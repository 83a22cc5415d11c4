import pytest

from hornbook.corpus.document import Document
from hornbook.corpus.traits import Look, load_traits, save_traits
from hornbook.errors import UserError


def documents():
    return [
        Document("aaaa " * 100, "a#1", "a", {"topic": "dull", "quality": 0.5}),
        Document("".join(map(chr, range(33, 127))), "b#1", "b", {"topic": "odd", "quality": 1}),
        Document("abc " * 10, "a#2", "a", {"topic": "dull", "quality": -3}),
    ]


def traits(domain, order):
    look = Look(domain, order)
    for document in documents():
        look.at(document)
    return look.traits()


def test_domains_by_path_or_field_and_back_from_the_disk(tmp_path):
    found = traits("source", "shuffled")
    assert found.names == ("a", "b") and found.domain.tolist() == [0, 1, 0] and not found.score.any()
    found = traits("topic", "quality")
    assert found.names == ("dull", "odd") and found.score.tolist() == [0.5, 1.0, -3.0]
    save_traits(found, tmp_path / "traits.safetensors")
    again = load_traits(tmp_path / "traits.safetensors")
    assert again.names == found.names
    assert again.domain.tolist() == found.domain.tolist() and again.score.tolist() == found.score.tolist()


def test_repetitive_text_compresses_more():
    score = traits("source", "compression").score
    assert score[0] < score[2] < score[1]


def test_refusals(tmp_path):
    with pytest.raises(UserError, match="no field 'kind'"):
        traits("kind", "shuffled")
    with pytest.raises(UserError, match="no number 'topic'"):
        traits("source", "topic")
    (tmp_path / "t").write_bytes(b"12345")
    with pytest.raises(UserError, match="damaged"):
        load_traits(tmp_path / "t")
