"""Archives: each file inside is read by its format; what is hostile is named, and nothing outside is touched."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import zipfile
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import growth

from hornbook.corpus.read import read
from hornbook.corpus.readers.formats import records
from hornbook.corpus.readers.packed import BadRecord
from hornbook.corpus.readers.record import Reading
from hornbook.corpus.readers.units import discover
from hornbook.errors import UserError

FILES = {
    "x/one.txt": b"Hello one.\n",
    "two.jsonl": b'{"text": "two", "n": 1}\n{"text": "three"}\n',
    "README": b"Plain words.\n",
    "pic.png": b"\x89PNG\r\n\x1a\n",
    ".git/config": b"hidden\n",
    "__MACOSX/x": b"junk\n",
}
TEXTS = [
    ("x/one.txt", 1, "Hello one.\n"),
    ("two.jsonl", 1, "two"),
    ("two.jsonl", 2, "three"),
    ("README", 1, "Plain words.\n"),
]


def made(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    elif path.suffix == ".7z":
        with py7zr.SevenZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(data, name)
    else:
        with tarfile.open(
            path, "w:" + {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix, "")
        ) as tar:
            for name, data in files.items():
                item = tarfile.TarInfo(name)
                item.size = len(data)
                tar.addfile(item, io.BytesIO(data))
    return path


class Heard:
    """What a tolerant reading heard."""

    def __init__(self) -> None:
        self.bad: list[BadRecord] = []
        self.passed: list[tuple[str, int]] = []

    def __call__(self, path: Path) -> list[tuple[str, int, str]]:
        reading = Reading(bad=self.bad.append, passed=lambda reason, count: self.passed.append((reason, count)))
        start = f"{path.as_posix()}/"
        return [(item.file.removeprefix(start), item.number, item.text) for item in records(path, reading)]

    @property
    def reasons(self) -> list[str]:
        return [error.reason for error in self.bad]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz", "a.tar.bz2", "a.7z", "A.ZIP"])
def test_each_file_inside_is_read_by_its_format(name: str, tmp_path: Path) -> None:
    path = made(tmp_path / name.lower(), FILES)
    path = path.rename(tmp_path / name)
    heard = Heard()
    assert heard(path) == TEXTS
    assert heard.passed == [("in an archive: no known ending (.png)", 1)]
    assert not heard.bad
    assert [(document.text, document.id) for document in read([str(path)])] == [
        (text, f"{path.as_posix()}/{file}#{number}") for file, number, text in TEXTS
    ]


def test_archives_inside_archives_are_read_to_a_depth(tmp_path: Path) -> None:
    path, expected = made(tmp_path / "0.zip", {"deep.txt": b"deep\n", "a.txt": b"a\n"}), ["deep\n", "a\n"]
    for depth, kind in enumerate([".tar.gz", ".7z", ".zip"], start=1):
        path = made(tmp_path / f"{depth}{kind}", {path.name: path.read_bytes(), "b.txt": b"%d\n" % depth})
        expected.append(f"{depth}\n")
        heard = Heard()
        found = [text for _, _, text in heard(path)]
        if depth < 3:
            assert found == expected
            assert not heard.bad
    assert found == ["1\n", "2\n", "3\n"]
    assert heard.reasons == ["archives nested more than 3 deep"]


def test_names_links_and_devices_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret\n")
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("../outside.txt", "/etc/passwd", "a/../../x.txt", "C:/x.txt", "..\\x.txt"):
            item = tarfile.TarInfo(name)
            item.size = 3
            tar.addfile(item, io.BytesIO(b"no\n"))
        for name, kind in [
            ("soft.txt", tarfile.SYMTYPE),
            ("hard.txt", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("device", tarfile.CHRTYPE),
            ("disk", tarfile.BLKTYPE),
        ]:
            item = tarfile.TarInfo(name)
            item.type, item.linkname = kind, str(outside)
            tar.addfile(item)
        item = tarfile.TarInfo("sound.txt")
        item.size = 6
        tar.addfile(item, io.BytesIO(b"sound\n"))
    heard = Heard()
    assert [text for _, _, text in heard(path)] == ["sound\n"]
    assert (
        heard.reasons
        == ["a name that leads out of its archive"] * 5 + ["link in an archive"] * 2 + ["device in an archive"] * 3
    )
    assert outside.read_text() == "secret\n"


def test_links_in_zips_and_7z_are_named(tmp_path: Path) -> None:
    item = zipfile.ZipInfo("link.txt")
    item.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(item, "/etc/passwd")
        archive.writestr("a.txt", "a\n")
    (tmp_path / "target.txt").write_text("t\n")
    (tmp_path / "link.txt").symlink_to(tmp_path / "target.txt")
    with py7zr.SevenZipFile(tmp_path / "s.7z", "w") as archive:
        archive.write(tmp_path / "link.txt", "link.txt")
        archive.writestr("a\n", "a.txt")
    for path in (tmp_path / "z.zip", tmp_path / "s.7z"):
        heard = Heard()
        assert [text for _, _, text in heard(path)] == ["a\n"]
        assert heard.reasons == ["link in an archive"]


def test_encrypted_archives_are_named(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "e.7z", "w", password="x") as archive:
        archive.writestr("secret\n", "a.txt")
    heard = Heard()
    assert heard(tmp_path / "e.7z") == []
    assert heard.reasons == ["encrypted"]
    path = made(tmp_path / "e.zip", {"a.txt": b"a\n", "b.txt": b"b\n"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the first file's flag, in its own header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    heard = Heard()
    assert [text for _, _, text in heard(path)] == ["b\n"]
    assert heard.reasons == ["encrypted"]


def test_bombs_are_bounded_in_disk_and_memory(tmp_path: Path) -> None:
    zeros = b"a" * (1 << 20)
    with (
        zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("b.txt", "w") as member,
    ):
        for _ in range(160):
            member.write(zeros)
    with gzip.open(tmp_path / "b.tar.gz", "wb", 9) as stream:
        item = tarfile.TarInfo("b.txt")
        item.size = 160 << 20
        stream.write(item.tobuf())
        for _ in range(160):
            stream.write(zeros)
    for name in ("b.zip", "b.tar.gz"):
        heard = Heard()
        assert growth(lambda name=name, heard=heard: heard(tmp_path / name)) < 64 << 20
        assert heard.reasons == ["unpacks to more than 200 times its size"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar", "a.7z"])
def test_a_cut_or_changed_archive_is_named_and_never_a_bug(name: str, tmp_path: Path) -> None:
    whole = made(tmp_path / name, FILES).read_bytes()
    threads = threading.active_count()

    @given(place=st.integers(0, len(whole) - 1), value=st.integers(0, 256))
    @settings(max_examples=60, deadline=None)
    def law(place: int, value: int) -> None:
        data = whole[:place] if value == 256 else whole[:place] + bytes([value]) + whole[place + 1 :]
        (tmp_path / name).write_bytes(data)
        heard = Heard()
        found = heard(tmp_path / name)
        assert all(str(error).startswith(str(tmp_path)) for error in heard.bad)
        assert found == TEXTS or heard.bad or name.endswith((".tar", ".7z", ".zip")) or heard.passed

    law()
    assert threading.active_count() == threads


def test_a_strict_reading_ends_at_the_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar.gz", {"a.txt": b"a\n" * 10_000})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.tar\.gz is damaged"):
        list(read([str(path)]))


def test_a_reader_that_is_left_early_leaves_no_thread(tmp_path: Path) -> None:
    path = made(tmp_path / "a.7z", {f"{number}.txt": b"text\n" for number in range(9)})
    threads = threading.active_count()
    reading = records(path, Reading())
    assert next(reading).text == "text\n"
    assert threading.active_count() == threads + 1
    reading.close()  # type: ignore[attr-defined]
    assert threading.active_count() == threads


def test_files_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for data in (b"old\n", b"new\n"):
            item = tarfile.TarInfo("a.txt")
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
    found = [(document.id.rpartition("/")[2], document.text) for document in read([str(tmp_path / "a.tar")])]
    assert found == [("a.txt#1", "old\n"), ("a_2.txt#1", "new\n")]


def test_archives_of_a_folder_are_found(tmp_path: Path) -> None:
    for name in ("a.zip", "b.tar.gz", "c.7z", "d.tgz", "e.txt"):
        made(tmp_path / name, {"x.txt": b"x\n"}) if name != "e.txt" else (tmp_path / name).write_text("e\n")
    found = [Path(piece.path).name for piece in discover([str(tmp_path)], 1 << 20) if not piece.other]
    assert found == ["a.zip", "b.tar.gz", "c.7z", "d.tgz", "e.txt"]


def test_names_in_utf8_that_do_not_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xxxxxx.txt", "words")
    path.write_bytes(path.read_bytes().replace(b"xxxxxx.txt", "日本.txt".encode()))
    assert [record.file for record in records(path)] == [f"{path.as_posix()}/日本.txt"]


def test_a_document_in_an_archive_that_is_none_is_told_as_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.docx", "no document")
    with pytest.raises(BadRecord, match="not a zip file"):
        list(records(path))
