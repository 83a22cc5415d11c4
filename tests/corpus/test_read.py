"""Paths to documents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hornbook.corpus.read import read
from hornbook.corpus.readers import packed
from hornbook.corpus.readers.discovery import counted
from hornbook.errors import UserError


def write(root: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def texts(*paths: str | Path) -> list[str]:
    return [document.text for document in read([str(path) for path in paths])]


def test_a_folder_is_read_in_order_without_hidden_and_unknown_files(tmp_path: Path) -> None:
    write(tmp_path, b_md="b", a_txt="a", c__d_txt="cd", c__a_jsonl='{"text": "ca"}', photo_png=b"\0", empty_txt="")
    write(tmp_path, _hidden__x_txt="hidden", _x_txt="hidden", notes_odd="unknown ending")
    documents = list(read([str(tmp_path)]))
    assert [document.text for document in documents] == ["a", "b", "ca", "cd"]
    assert [document.id for document in documents][2:] == [f"{tmp_path}/c/a.jsonl#1", f"{tmp_path}/c/d.txt#1"]
    assert {document.source for document in documents} == {str(tmp_path)}


def test_a_folder_of_unknown_endings_gives_what_decodes_as_text(tmp_path: Path) -> None:
    write(tmp_path, README="read me", poem_org="verse", photo_png=b"\x89PNG\0", latin_org=b"caf\xe9", fake_gz=b"no")
    assert texts(tmp_path) == ["read me", "verse"]


def test_a_binary_file_with_a_known_ending_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, a_txt="a", b_txt=b"\0")
    with pytest.raises(UserError, match=r"b\.txt is not a text file"):
        texts(tmp_path)


def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    write(tmp_path, data__a_txt="a", data__below__b_txt="b", elsewhere__c_txt="c")
    (tmp_path / "data/below/loop").symlink_to(tmp_path / "data")
    (tmp_path / "data/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/link2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/z.txt").symlink_to(tmp_path / "data/a.txt")
    os.mkfifo(tmp_path / "data/pipe.txt")
    assert texts(tmp_path / "data") == ["a", "b", "c"]
    (tmp_path / "data/gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"gone\.txt cannot be read"):
        read([str(tmp_path / "data")])


def test_globs_are_sorted_and_reach_below(tmp_path: Path) -> None:
    write(tmp_path, b_txt="b", a_txt="a", c__d_txt="cd", x_org="x", empty_txt="")
    assert texts(tmp_path / "*.txt") == ["a", "b"]
    assert texts(tmp_path / "**/*.txt") == ["a", "b", "cd"]
    assert texts(tmp_path / "[bx].*") == ["b", "x"]
    (tmp_path / "really[1]*.txt").write_text("a name with magic")
    assert texts(tmp_path / "really[1]*.txt") == ["a name with magic"]


def test_paths_keep_their_order_and_a_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, a_txt="a", b_txt="b")
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    assert texts(b, a, b) == ["b", "a"]
    assert texts(b, tmp_path, tmp_path / "*.txt", a) == ["b", "a"]
    assert [document.text for document in read(str(a))] == ["a"]


def test_reading_twice_gives_equal_documents(tmp_path: Path) -> None:
    write(tmp_path, a_txt="A paragraph.\n\n" * 900, b__c_jsonl='{"text": "x", "n": 1}\n' * 3)
    first = list(read([str(tmp_path)]))
    assert first == list(read([str(tmp_path)]))
    assert len({document.id for document in first}) == len(first) > 8


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8 need Linux")
def test_names_that_are_no_utf8_are_read_and_have_printable_ids(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "w") as stream:
        stream.write("coffee")
    (document,) = read([str(tmp_path)])
    assert document.id.encode().endswith("caf\ufffd.txt#1".encode())


def test_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, a_txt="a")
    assert texts("~/a.txt") == ["a"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.txt", "There is no file or folder .*missing.txt"),
        ("a.txt/b.txt", "There is no file or folder"),
        ("*.pdf", r"No file matches .*\*\.pdf"),
        ("empty", "The folder .*empty holds no text"),
        ("binary", "The folder .*binary holds no text"),
        ("blank", "The folder .*blank holds no text"),
        ("blank/*", "The files that match .* hold no text"),
        ("blank/b.txt", "b.txt is empty"),
        ("pipe", "neither a file nor a folder"),
        ("loop", "cannot be read"),
        ("x" * 300, "cannot be read"),
        ("nul\0.txt", "cannot be read"),
    ],
)
def test_a_path_without_text_is_refused(tmp_path: Path, path: str, message: str) -> None:
    write(tmp_path, a_txt="a", binary__x_bin=b"\0", blank__b_txt=" \n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=message):
        texts(tmp_path / "a.txt", tmp_path / path)


def test_a_path_that_leads_nowhere_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    write(tmp_path, a_txt="a")
    with pytest.raises(UserError, match="There is no file"):
        read([str(tmp_path / "a.txt"), str(tmp_path / "missing.txt")])
    for nothing in ([], [""], [str(tmp_path), ""], ""):
        with pytest.raises(UserError, match="No text was named"):
            read(nothing)


def test_without_permission_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a_txt="a")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(packed, "_Counted", refuse)
    with pytest.raises(UserError, match=r"a\.txt cannot be read \(Permission denied\)"):
        texts(tmp_path / "a.txt")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_closed_folder_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path, a_txt="a", closed__b_txt="b")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(UserError, match="closed cannot be read"):
            texts(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_importing_the_reader_loads_no_heavy_library() -> None:
    heavy = ["torch", "transformers", "pyarrow", "zstandard", "datasets", "tokenizers", "numpy", "pydoc_data"]
    code = f"import sys, hornbook.corpus.read; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_folder_of_code_is_read_and_the_rest_is_told(tmp_path: Path) -> None:
    write(tmp_path, a_py="code = 1", b_tex="verse", README="read me", c_rs="fn", package_json='{"name": "x"}')
    write(tmp_path, photo_png=b"\x89PNG\r\n\0", tool=b"\x7fELF" + bytes(99), clip_ts=b"G@\0" * 99, d_dwg=b"PK\3\4")
    left: list[Path] = []
    found = [document.text for document in read([str(tmp_path)], left_out=left.append)]
    assert found == ["read me", "code = 1", "verse", "fn"]
    assert sorted(path.name for path in left) == ["clip.ts", "d.dwg", "package.json", "photo.png", "tool"]
    assert counted(left).startswith(".dwg 1 (0.0 kB), .json 1")


def test_the_text_may_be_in_another_field(tmp_path: Path) -> None:
    write(tmp_path, a_csv="id,body\n1,words\n", b_jsonl='{"body": "more", "text": 3}')
    assert [document.text for document in read([str(tmp_path)], "body")] == ["words", "more"]
    with pytest.raises(UserError, match=r"its columns: id, body.*data\.text=COLUMN"):
        texts(tmp_path / "a.csv")
