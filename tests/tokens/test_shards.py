import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.document import Document, document_hash
from hornbook.errors import ResourceError, UserError
from hornbook.objectives.ops.sentences import sentence_starts
from hornbook.tokens.shards import TokenStore, write_store
from hornbook.tokens.tokenizer.tokenizer import Tokenizer, save_tokenizer
from hornbook.vocab import Vocab

PART = 20_000


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, documents, bpe) -> Path:
    directory = tmp_path_factory.mktemp("undisturbed") / "tokens"
    write_store(iter(documents), bpe, directory, part_bytes=PART)
    return directory


@pytest.fixture
def copy(undisturbed, tmp_path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "tokens"))


def contents(directory: Path) -> dict[str, bytes]:
    return {
        item.relative_to(directory).as_posix(): item.read_bytes() for item in directory.rglob("*") if item.is_file()
    }


def whole(store: TokenStore, document: int) -> np.ndarray:
    length = int(store.lengths[document])
    into = np.empty(length, np.int32)
    store.copy(np.array([document]), np.array([0]), np.array([length]), into, np.array([0]))
    return into


def test_every_document_comes_back(undisturbed, documents, bpe):
    store = TokenStore.open(undisturbed, bpe.vocab)
    assert len(store.parts) > 3
    assert store.documents == len(documents)
    assert store.tokens == store.lengths.sum()
    for number, document in enumerate(documents):
        assert bpe.decode(whole(store, number)) == document.text
        assert store.bytes[number] == len(document.text.encode())
        assert store.hashes[number] == document_hash(document)
    assert store.hashes.dtype == np.uint64 and store.lengths.dtype == store.bytes.dtype == np.int64


def test_copy_takes_stretches_of_documents_across_parts(undisturbed, bpe):
    store = TokenStore.open(undisturbed, bpe.vocab)
    random = np.random.default_rng(0)
    document = random.permutation(store.documents)
    offset = (random.random(len(document)) * store.lengths[document]).astype(np.int64)
    count = (random.random(len(document)) * (store.lengths[document] - offset + 1)).astype(np.int64)
    into = np.full(int(count.sum()), -1, np.int32)
    store.copy(document, offset, count, into, np.cumsum(count) - count)
    taken = [whole(store, d)[o : o + c] for d, o, c in zip(document, offset, count, strict=True)]
    assert into.tolist() == np.concatenate(taken).tolist()
    for offset, count in ((-1, 1), (0, int(store.lengths[2]) + 1), (1, -1)):
        with pytest.raises(IndexError):
            store.copy(np.array([2]), np.array([offset]), np.array([count]), into, np.array([0]))


def test_ids_take_two_bytes_where_the_vocabulary_allows(undisturbed):
    assert np.load(undisturbed / "part-00000" / "tokens.npy").dtype == np.uint16


def test_ids_beyond_two_bytes_take_four(tmp_path):
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    words = {f"w{number}": number for number in range(70_000)}
    tokenizer = Backend(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = Tokenizer(tokenizer.to_str(), Vocab.from_tokenizer(tokenizer.to_str()))
    write_store(iter([Document("w1 w69999", "a", "a")]), tokenizer, tmp_path / "tokens")
    assert np.load(tmp_path / "tokens" / "part-00000" / "tokens.npy").dtype == np.uint32
    assert whole(TokenStore.open(tmp_path / "tokens", tokenizer.vocab), 0).tolist() == [1, 69_999]


def test_parts_close_with_the_document_that_fills_them(undisturbed, bpe):
    store = TokenStore.open(undisturbed, bpe.vocab)
    for part in store.parts[:-1]:
        assert part.bytes.sum() >= PART > part.bytes[:-1].sum()


def test_progress_grows_to_the_totals(documents, bpe, tmp_path):
    told = []
    write_store(iter(documents), bpe, tmp_path / "tokens", part_bytes=PART, progress=lambda *now: told.append(now))
    store = TokenStore.open(tmp_path / "tokens", bpe.vocab)
    assert told == sorted(told) and len(told) == len(store.parts)
    assert told[-1] == (store.documents, store.tokens, store.bytes.sum())


@pytest.mark.parametrize("stop", [0, 1, 7, 15, 29])
def test_a_writer_that_failed_goes_on_and_gives_the_same_bytes(stop, documents, bpe, tmp_path, undisturbed):
    def failing():
        yield from documents[:stop]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_store(failing(), bpe, tmp_path / "tokens", part_bytes=PART)
    assert not (tmp_path / "tokens").exists()
    write_store(iter(documents), bpe, tmp_path / "tokens", part_bytes=PART)
    assert contents(tmp_path) == {f"tokens/{name}": data for name, data in contents(undisturbed).items()}


def test_a_writer_that_was_killed_goes_on_and_gives_the_same_bytes(bpe, documents, tmp_path, undisturbed):
    script = textwrap.dedent("""
        import pydoc_data.topics, sys, time
        from pathlib import Path
        from hornbook.corpus.document import Document
        from hornbook.tokens.shards import write_store
        from hornbook.tokens.tokenizer.tokenizer import load_tokenizer
        texts = list(pydoc_data.topics.topics.values())[:30]
        told = []
        def slow(*counts):
            told.append(counts)
            print(len(told), flush=True)
            time.sleep(0.2)
        documents = (Document(text, "", "") for text in texts)
        tokenizer = load_tokenizer(Path(sys.argv[1]))
        write_store(documents, tokenizer, Path(sys.argv[2]), part_bytes=20_000, progress=slow)
    """)
    save_tokenizer(bpe, tmp_path / "tokenizer")
    found = []
    for moment in (1, 2, 3, 4):
        command = [sys.executable, "-c", script, str(tmp_path / "tokenizer"), str(tmp_path / "out" / "tokens")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            while int(child.stdout.readline()) < moment:
                pass
            child.send_signal(signal.SIGKILL)
        found.append(len(list((tmp_path / "out").glob(".tokens.parts/part-*"))))
        assert not (tmp_path / "out" / "tokens").exists()
    assert found == sorted(found) and all(number >= moment for moment, number in enumerate(found, 1))
    write_store(iter(documents), bpe, tmp_path / "out" / "tokens", part_bytes=PART)
    assert contents(tmp_path / "out" / "tokens") == contents(undisturbed)
    assert os.listdir(tmp_path / "out") == ["tokens"]


def test_an_interrupted_writer_keeps_its_whole_parts(documents, bpe, tmp_path, undisturbed):
    def interrupted():
        yield from documents[:-1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(interrupted(), bpe, tmp_path / "tokens", part_bytes=PART)
    assert len(list((tmp_path / ".tokens.parts").glob("part-*"))) > 3
    assert not list(tmp_path.rglob("*.partial"))
    write_store(iter(documents), bpe, tmp_path / "tokens", part_bytes=PART)
    assert contents(tmp_path / "tokens") == contents(undisturbed)


def test_a_part_that_cannot_be_saved_is_told(documents, bpe, tmp_path, monkeypatch):
    def full(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    for many in (documents, documents[:3]):
        with pytest.raises(ResourceError, match="disk is full"):
            write_store(iter(many), bpe, tmp_path / "tokens", part_bytes=PART)
    assert not (tmp_path / "tokens").exists() and not list(tmp_path.rglob("part-*"))


def test_a_finished_store_is_recognised_and_left_alone(copy, documents, bpe):
    before = contents(copy)
    write_store(iter(documents), bpe, copy, part_bytes=PART)
    assert contents(copy) == before


def test_other_documents_are_refused(copy, documents, bpe):
    before = contents(copy)
    other = Document("something else", "", "")
    for changed in ([other, *documents[1:]], documents[:-1], [*documents, other], documents[:4], documents[::-1]):
        with pytest.raises(UserError, match="the tokens of another text"):
            write_store(iter(changed), bpe, copy, part_bytes=PART)
    assert contents(copy) == before


def test_another_tokenizer_is_refused(copy, documents, codecs):
    with pytest.raises(UserError, match="another tokenizer"):
        write_store(iter(documents), codecs["unigram"], copy, part_bytes=PART)
    with pytest.raises(UserError, match="another tokenizer"):
        TokenStore.open(copy, codecs["unigram"].vocab)


def test_text_without_tokens_is_refused(bpe, codecs, tmp_path):
    with pytest.raises(UserError, match="no tokens"):
        write_store(iter([]), bpe, tmp_path / "none")
    with pytest.raises(UserError, match="no tokens"):
        write_store(iter([Document("\x01\u200b", "", "")]), codecs["wordpiece"], tmp_path / "blank")
    assert not (tmp_path / "none").exists() and not (tmp_path / "blank").exists()


def test_a_document_without_tokens_keeps_its_place(codecs, tmp_path):
    blank, text = Document("\x01", "", ""), Document("the name. The value", "", "")
    write_store(iter([blank, text, blank]), codecs["wordpiece"], tmp_path / "tokens")
    store = TokenStore.open(tmp_path / "tokens", codecs["wordpiece"].vocab)
    assert store.lengths[[0, 2]].tolist() == [0, 0] and store.lengths[1] > 0


def test_every_damage_of_a_store_is_found(undisturbed, tmp_path, bpe):
    names = [item.relative_to(undisturbed) for item in sorted(undisturbed.rglob("*")) if item.is_file()]
    assert len(names) > 20
    for number, name in enumerate(names):
        copy = Path(shutil.copytree(undisturbed, tmp_path / f"{number}"))
        data = bytearray((copy / name).read_bytes())
        for damage in ("cut", "change", "remove"):
            if damage == "cut":
                (copy / name).write_bytes(data[: len(data) // 2])
            elif damage == "change":
                data[len(data) // 2] ^= 1
                (copy / name).write_bytes(data)
            else:
                (copy / name).unlink()
            if damage == "change" and name.as_posix() == "manifest.json":
                continue  # the root of the chain of hashes vouches for itself
            with pytest.raises(UserError, match=r"damaged|no token"):
                TokenStore.open(copy, bpe.vocab)
        shutil.rmtree(copy)


def test_a_file_cut_while_it_is_mapped_is_refused_and_kills_nobody(copy, bpe):
    store = TokenStore.open(copy, bpe.vocab)
    os.truncate(copy / "part-00001" / "tokens.npy", 200)
    document = int(store.first[1])
    with pytest.raises(UserError, match=r"length of tokens\.npy changed"):
        whole(store, document)
    assert len(whole(store, 0)) == store.lengths[0]


def test_sentences_of_english_text_begin_where_a_reader_says(bpe):
    sentences = [
        "A name. ",
        " It is 3.14 long! ",
        'Is it "so?" ',
        "Yes",
        "\nNo end here\n",
        "\n\n",
        "Last (one.) ",
        "End",
    ]
    expected = ["A name.", " It is 3.14 long!", ' Is it "so?"', " Yes\n", "No end here\n\n\n", "Last (one.)", " End"]
    text = "".join(sentences)
    tokens = bpe.encode([text])[0]
    starts = sentence_starts(tokens, np.zeros(1, np.int64), bpe.vocab)
    found = [bpe.decode(piece) for piece in np.split(tokens, starts[1:])]
    assert "".join(found) == text
    assert [item.strip() for item in found] == [item.strip() for item in expected]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([".", " a", "b", "\n", " ", "?!", ")"]), max_size=30), st.data())
def test_sentence_starts_agree_with_the_rule_read_token_by_token(pieces, data):
    from hornbook.vocab import Vocab

    spellings = [".", " a", "b", "\n", " ", "?!", ")"]
    vocab = Vocab(
        size=7,
        starts_word=np.array([True, True, False, True, True, True, True]),
        ends_sentence=np.array([True, False, False, True, False, True, False]),
        ends_blank=np.array([False, False, False, True, True, False, False]),
        closes=np.array([False, False, False, False, False, False, True]),
    )
    tokens = np.array([spellings.index(piece) for piece in pieces], np.int64)
    first = sorted(data.draw(st.sets(st.integers(0, max(0, len(tokens) - 1))))) if len(tokens) else []
    expected, ended, blank_before = [], False, False
    for place, token in enumerate(tokens):
        ended = ended and place not in first  # what ended there is of another document
        begins_word = bool(vocab.starts_word[token]) or blank_before
        blank = bool(vocab.ends_blank[token])
        passed = blank or bool(vocab.closes[token])
        if place in first or (ended and begins_word and not passed):
            expected.append(place)
        ended = bool(vocab.ends_sentence[token]) or (passed and ended)
        blank_before = blank
    assert sentence_starts(tokens, np.array(first, np.int64), vocab).tolist() == expected
