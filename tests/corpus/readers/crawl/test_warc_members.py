"""Records of WARC whatever is damaged and wherever the file is cut."""

from __future__ import annotations

import gzip
import itertools
import random
import tempfile
import zlib
from pathlib import Path

import pytest
from crawls import fetched, http, page, record, wet, write
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.readers.crawl.archive import Entry, cuts, entries
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import Cut, Part

CHANCE = random.Random(0)


def texts(number: int, length: int = 3_000) -> list[bytes]:
    """Return records of WET whose texts hardly pack, so that few of them are larger than what deflate stores."""
    return [wet(item, f"http://a.org/{item}", random.Random(item).randbytes(length).hex()) for item in range(number)]


def found(path: Path, parts: list[Cut] | None = None) -> list[tuple[int, bytes]]:
    parts = parts or [Cut(0, 0, 0)]
    every = [item for part in parts for item in entries(path, Part(part.start, part.stop))]
    assert all(isinstance(item, Entry) and not item.damage for item in every)
    return [(item.number, item.block) for item in every if isinstance(item, Entry)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9_000), min_size=2, max_size=60), st.integers(1_000, 300_000), st.integers(0, 99))
def test_a_file_has_the_same_records_wherever_it_is_cut(lengths: list[int], unit: int, seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        every = [wet(number, "http://a.org/", chance.randbytes(size).hex()) for number, size in enumerate(lengths)]
        path = write(Path(folder, "a.warc.wet.gz"), every)
        parts = cuts(path, path.stat().st_size, unit)
        whole = found(path)
        assert len(whole) == len(lengths) and found(path, parts) == whole
        starts = [part.start for part in parts]
        assert all(later - earlier >= unit for earlier, later in itertools.pairwise(starts))


def test_big_files_are_cut_into_parts_of_about_a_unit_and_numbers_are_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc.wet.gz", texts(300))
    parts = cuts(path, path.stat().st_size, 100_000)
    assert len(parts) > 5 and sum(part.weight for part in parts) == path.stat().st_size
    assert all(part.weight < 120_000 for part in parts[:-1])
    packed = path.read_bytes()
    for number, block in found(path, parts)[1:]:
        assert zlib.decompressobj(31).decompress(packed[number:], 8) == b"WARC/1.0" and block


def test_a_file_of_warc_inside_a_record_is_no_place_to_cut(tmp_path: Path) -> None:
    """What is stored as it is has the members of the inner file in the outer one."""
    inner = b"".join(gzip.compress(item, mtime=0) for item in texts(200, 1_000))
    outer = [record("response", http(CHANCE.randbytes(40_000) + inner), number) for number in range(3)]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(gzip.compress(item, 0, mtime=0) for item in outer))
    assert path.read_bytes().count(inner[:10]) > 300
    for unit in range(20_000, 300_000, 47_001):
        parts = cuts(path, path.stat().st_size, unit)
        assert [number for number, _ in found(path, parts)] == [number for number, _ in found(path)]


def test_no_part_begins_with_what_tells_of_the_page_before(tmp_path: Path) -> None:
    every = [
        item for number in range(80) for item in fetched(number, "http://a.org/", http(CHANCE.randbytes(2_000)), "deu")
    ]
    path = write(tmp_path / "a.warc.gz", every)
    parts = cuts(path, path.stat().st_size, 20_000)
    assert len(parts) > 3
    begun = [next(iter(entries(path, Part(part.start, part.stop)))) for part in parts]
    assert all(isinstance(item, Entry) and item.kind in ("request", "response") for item in begun)


@pytest.mark.parametrize(("name", "apart"), [("a.warc.gz", False), ("a.warc", True), ("b.warc.bz2", True)])
def test_files_whose_records_are_not_packed_apart_are_one_part_and_counted(
    tmp_path: Path, name: str, apart: bool
) -> None:
    path = write(tmp_path / name, texts(100), apart)
    if name.endswith(".bz2"):
        import bz2

        path.write_bytes(bz2.compress(b"".join(texts(100))))
    assert cuts(path, path.stat().st_size, 10_000) == []
    assert [number for number, _ in found(path)] == list(range(1, 101))


def test_records_that_lie_across_members_are_read_whole(tmp_path: Path) -> None:
    data = b"".join(texts(30))
    pieces = [gzip.compress(data[start : start + 10_000], mtime=0) for start in range(0, len(data), 10_000)]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(pieces))
    assert [number for number, _ in found(tmp_path / "a.warc.gz")] == list(range(1, 31))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=40))
def test_damage_costs_the_records_that_it_meets(place: int, noise: bytes) -> None:
    """The others come through, each once, as they were; and nothing is lost without a word."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "a.warc.wet.gz"), texts(60))
        sound, data = dict(found(path)), path.read_bytes()
        place %= len(data)
        changed = data[:place] + noise + data[place + len(noise) :]
        path.write_bytes(changed)
        if not data.startswith(changed[:3]):
            return  # no gzip file any longer
        every = list(entries(path))
        left = {item.number: item.block for item in every if isinstance(item, Entry) and not item.damage}
        assert all(sound.get(number) == block for number, block in left.items())
        lost = len(sound) - len(left)
        assert lost <= 3 + (len(noise) > 3_000)
        assert (lost > 0) <= any(isinstance(item, BadRecord) or item.damage for item in every)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2_000), st.sampled_from(["a.warc", "a.warc.gz", "a.warc.wet", "b.warc.zst"]), st.booleans())
def test_any_bytes_end_in_records_or_a_named_error(data: bytes, name: str, begun: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = b"WARC/1.0\r\n" + data if begun else data
        path = Path(folder, name)
        path.write_bytes(gzip.compress(data) if begun and name.endswith(".gz") else data)
        try:
            assert all(isinstance(item, Entry | BadRecord) for item in entries(path))
        except BadRecord as error:
            assert name in str(error)


def test_a_record_that_says_too_great_a_length_does_not_fill_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(record("conversion", b"x", 1).replace(b"Content-Length: 1", b"Content-Length: 999999999999"))
    [item] = entries(path)
    assert isinstance(item, Entry) and item.damage.endswith("is cut.")


def test_pages_keep_their_bytes(tmp_path: Path) -> None:
    body = page("A")
    path = write(tmp_path / "a.warc.gz", fetched(1, "http://a.org/", http(body)))
    assert [block for _, block in found(path)][1].endswith(body)
