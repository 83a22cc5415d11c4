import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from hornbook import artifacts, locks
from hornbook.errors import ResourceError, UserError, expected


def write(target: Path, value: str, kind: str = "thing") -> None:
    with artifacts.write_directory(target, kind, {"value": value}) as scratch:
        (scratch / "inner").mkdir()
        (scratch / "inner" / "a.txt").write_text(value * 100)
        (scratch / "b.bin").write_bytes(value.encode())


def contents(directory: Path) -> dict[str, bytes]:
    return {
        item.relative_to(directory).as_posix(): item.read_bytes() for item in directory.rglob("*") if item.is_file()
    }


def test_a_directory_comes_back_with_its_facts_and_nothing_beside_it(tmp_path):
    write(tmp_path / "x", "one")
    manifest = artifacts.read_manifest(tmp_path / "x", "thing")
    assert manifest["value"] == "one"
    assert set(manifest["files"]) == {"inner/a.txt", "b.bin"}
    assert os.listdir(tmp_path) == ["x"]


def test_equal_values_give_equal_bytes(tmp_path):
    write(tmp_path / "x", "one")
    write(tmp_path / "y", "one")
    assert contents(tmp_path / "x") == contents(tmp_path / "y")


def test_facts_added_inside_the_block_are_kept(tmp_path):
    facts: dict[str, int] = {}
    with artifacts.write_directory(tmp_path / "x", "thing", facts):
        facts["late"] = 7
    assert artifacts.read_manifest(tmp_path / "x", "thing")["late"] == 7


def test_an_exception_leaves_the_old_directory_and_no_scratch(tmp_path):
    write(tmp_path / "x", "old")
    before = contents(tmp_path)
    with pytest.raises(RuntimeError), artifacts.write_directory(tmp_path / "x", "thing") as scratch:
        (scratch / "half").write_text("half")
        raise RuntimeError
    assert contents(tmp_path) == before


def test_replacing_leaves_no_trace_of_the_old(tmp_path):
    write(tmp_path / "x", "old")
    write(tmp_path / "x", "new")
    assert artifacts.read_manifest(tmp_path / "x", "thing")["value"] == "new"
    assert os.listdir(tmp_path) == ["x"]


def test_every_damage_is_found_and_named(tmp_path):
    def damaged(change, message, *, by_length=True):
        write(tmp_path / "x", "one")
        change(tmp_path / "x")
        with pytest.raises(UserError, match=message):
            artifacts.read_manifest(tmp_path / "x", "thing")
        if by_length:
            with pytest.raises(UserError, match=message):
                artifacts.read_manifest(tmp_path / "x", "thing", contents=False)
        else:
            artifacts.read_manifest(tmp_path / "x", "thing", contents=False)

    damaged(lambda x: (x / "b.bin").unlink(), "b.bin is missing")
    damaged(lambda x: (x / "b.bin").write_bytes(b"on"), "b.bin has 2 bytes instead of 3")
    damaged(lambda x: (x / "b.bin").write_bytes(b"onf"), "contents of b.bin have changed", by_length=False)
    damaged(lambda x: (x / "manifest.json").write_text("{"), "not valid JSON")
    damaged(lambda x: (x / "manifest.json").write_bytes(b"\xff\xfe"), "not valid JSON")
    damaged(lambda x: (x / "manifest.json").write_text("[]"), "not a manifest")
    damaged(lambda x: (x / "manifest.json").unlink(), "no thing manifest")
    damaged(
        lambda x: (x / "manifest.json").write_text(json.dumps({"kind": "thing", "files": {"b.bin": {"bytes": 3}}})),
        "not a manifest",
    )


def test_another_kind_is_refused(tmp_path):
    write(tmp_path / "x", "one", kind="other")
    with pytest.raises(UserError, match="not a thing"):
        artifacts.read_manifest(tmp_path / "x", "thing")


def test_a_writer_killed_between_the_two_renames_leaves_the_old_state(tmp_path, monkeypatch):
    write(tmp_path / "x", "old")
    replace = Path.replace

    def dies(self, target):
        if self.name == ".x.partial":
            os._exit(9)
        return replace(self, target)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(Path, "replace", dies)
        write(tmp_path / "x", "new")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (tmp_path / "x").exists()
    assert artifacts.read_manifest(tmp_path / "x", "thing")["value"] == "old"
    write(tmp_path / "x", "new")
    assert os.listdir(tmp_path) == ["x"]


def test_a_writer_killed_at_any_moment_leaves_a_whole_state(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from hornbook import artifacts
        target = Path(sys.argv[1])
        print("ready", flush=True)
        for number in range(10**9):
            with artifacts.write_directory(target, "thing", {"value": number}) as scratch:
                for name in "abcd":
                    (scratch / name).write_text(f"{number} " * 5000)
            artifacts.write_json(target.with_name("latest.json"), {"value": number, "more": "x" * 5000})
    """)
    seen = set()
    for delay in (0.0, 0.013, 0.031, 0.052, 0.074, 0.097, 0.111, 0.138, 0.153, 0.171, 0.187, 0.2):
        command = [sys.executable, "-c", script, str(tmp_path / "x")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        if not ((tmp_path / "x").exists() or (tmp_path / ".x.old").exists()):
            continue
        value = artifacts.read_manifest(tmp_path / "x", "thing")["value"]
        assert all((tmp_path / "x" / name).read_text() == f"{value} " * 5000 for name in "abcd")
        if (tmp_path / "latest.json").exists():
            assert set(artifacts.read_json(tmp_path / "latest.json", "file")) == {"value", "more"}
        seen.add(value)
    assert seen


def test_files_are_replaced_whole(tmp_path):
    target = tmp_path / "folder" / "a.json"
    artifacts.write_json(target, {"b": 1, "a": "é"})
    assert target.read_text(encoding="utf-8") == '{\n "b": 1,\n "a": "é"\n}\n'
    artifacts.write_file(target, b"bytes")
    assert target.read_bytes() == b"bytes"
    assert os.listdir(target.parent) == ["a.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        artifacts.write_file(tmp_path / "file" / "x", "text")
    with pytest.raises(UserError, match="Cannot write"):
        write(tmp_path / "file" / "x", "one")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="Cannot write"):
        artifacts.write_file(tmp_path / "folder", "text")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_full_disk_is_a_lack_of_resources(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="disk is full"):
        artifacts.write_file(tmp_path / "x", "text")
    with pytest.raises(ResourceError, match="disk is full"):
        write(tmp_path / "y", "one")
    assert os.listdir(tmp_path) == []


def test_json_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match="There is no recipe at"):
        artifacts.read_json(tmp_path / "none", "recipe")
    with pytest.raises(UserError, match="cannot be read"):
        artifacts.read_json(tmp_path, "recipe")


def test_who_asks_whether_a_directory_is_held_keeps_nobody_out(tmp_path):
    with locks.lock(tmp_path):
        assert locks.is_locked(tmp_path)
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            locks.is_locked(tmp_path)
            time.sleep(0.001)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            with locks.lock(tmp_path):
                pass
    finally:
        stop.set()
        asking.join()
    assert not locks.is_locked(tmp_path)


def test_a_directory_is_locked_against_other_processes_until_its_holder_dies(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from hornbook import locks
        with locks.lock(Path(sys.argv[1])):
            print("held", flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="Another process"), locks.lock(tmp_path):
            pass
        child.send_signal(signal.SIGKILL)
    with locks.lock(tmp_path), pytest.raises(UserError, match="Another process"), locks.lock(tmp_path):
        pass
    with locks.lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, ResourceError, "The disk is full"),
        (errno.EDQUOT, ResourceError, "quota"),
        (errno.EFBIG, ResourceError, "ulimit -f"),
        (errno.EIO, ResourceError, "The disk failed"),
        (errno.ESTALE, ResourceError, "The disk failed"),
        (errno.EMFILE, ResourceError, "ulimit -n"),
        (errno.ENFILE, ResourceError, "Too many files"),
        (errno.EROFS, UserError, "Cannot write"),
        (errno.EACCES, UserError, "Cannot write"),
        (errno.ENAMETOOLONG, UserError, "Cannot write"),
    ],
)
@pytest.mark.parametrize("library", [False, True])
def test_what_the_system_says_of_a_disk_is_one_sentence(tmp_path, number, kind, says, library):
    words = os.strerror(number)
    error = RuntimeError(f"Error: {words} (os error {number})") if library else OSError(number, words)
    with pytest.raises(kind, match=says), artifacts.disk_errors(tmp_path / "x"):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError(errno.EAGAIN, "fork")])
def test_no_more_threads_is_a_lack_of_resources(error):
    found = expected(error)
    assert isinstance(found, ResourceError) and "ulimit -u" in str(found)


def test_a_part_written_is_a_lack_of_room_though_numpy_hides_why(tmp_path):
    script = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        import numpy as np
        from hornbook import artifacts
        from hornbook.errors import ResourceError
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            with artifacts.write_directory(Path(sys.argv[1]), "thing") as scratch:
                np.save(scratch / "x.npy", np.zeros(1000))
        except ResourceError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x")], capture_output=True, text=True)
    assert "took only a part" in done.stdout, done.stderr
    assert os.listdir(tmp_path) == []


def test_other_errors_stay_bugs(tmp_path):
    assert expected(RuntimeError("a bug")) is None
    assert expected(FileNotFoundError(errno.ENOENT, "gone", "x")) is None
    with pytest.raises(RuntimeError, match="a bug"), artifacts.disk_errors(tmp_path):
        raise RuntimeError("a bug")


def test_json_has_null_for_what_is_not_finite(tmp_path):
    value = {"a": [1.5, float("nan"), (float("inf"), 2)], "b": {"c": -float("inf")}, "d": "NaN"}
    artifacts.write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail) == {
        "a": [1.5, None, [None, 2]], "b": {"c": None}, "d": "NaN"
    }  # fmt: skip


def test_each_new_folder_above_is_on_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(artifacts, "sync", lambda path: synced.append(path.relative_to(tmp_path).as_posix()))
    artifacts.make_directory(tmp_path / "a" / "b" / "c")
    assert synced == [".", "a", "a/b"]
    artifacts.make_directory(tmp_path / "a" / "b" / "c")
    assert len(synced) == 3
    synced.clear()
    with artifacts.write_directory(tmp_path / "x", "thing") as scratch:
        (scratch / "one" / "two").mkdir(parents=True)
        (scratch / "one" / "two" / "file").write_text("")
    assert {".x.partial/one/two/file", ".x.partial/one/two", ".x.partial/one", ".x.partial", "."} <= set(synced)


def test_a_lock_clears_what_killed_writers_left_and_nothing_else(tmp_path):
    write(tmp_path / "x", "old")
    write(tmp_path / "y", "old")
    (tmp_path / "x").rename(tmp_path / ".x.old")  # killed between two renames
    write(tmp_path / "z", "new")
    (tmp_path / "z").rename(tmp_path / ".y.old")  # killed after the second
    (tmp_path / ".w.partial").mkdir()
    (tmp_path / ".w.partial" / "half").write_text("half")
    (tmp_path / ".v.json.partial").write_text("half")
    with artifacts.write_directory(tmp_path / "alive", "thing"), artifacts.whole_file(tmp_path / "lives") as partial:
        partial.write_text("whole")
        with locks.lock(tmp_path):
            assert sorted(os.listdir(tmp_path)) == [".alive.partial", ".lives.partial", ".lock", "x", "y"]
        with pytest.raises(UserError, match="Another process is writing"):
            write(tmp_path / "alive", "two")
    assert sorted(os.listdir(tmp_path)) == [".lock", "alive", "lives", "x", "y"]


def test_a_directory_that_grows_lists_what_is_done_and_nothing_else_is(tmp_path):
    (tmp_path / "early").write_text("1")
    assert artifacts.is_done(tmp_path, "early") and not artifacts.is_done(tmp_path, "late")
    artifacts.enlist(tmp_path, "early")  # no manifest: a directory of an earlier version
    artifacts.write_manifest(tmp_path, {"kind": "thing", "value": 7, "files": {}})
    assert not artifacts.is_done(tmp_path, "early")
    artifacts.enlist(tmp_path, "early")
    assert artifacts.is_done(tmp_path, "early") and artifacts.manifest_of(tmp_path)["value"] == 7
    assert artifacts.verified(tmp_path, "early") == tmp_path / "early"
    (tmp_path / "early").write_text("2")
    with pytest.raises(UserError, match="contents of early have changed"):
        artifacts.verified(tmp_path, "early")
    (tmp_path / "early").unlink()
    with pytest.raises(UserError, match="early is missing"):
        artifacts.is_done(tmp_path, "early")


def test_every_entry_of_a_manifest_is_covered_by_its_hash(tmp_path):
    artifacts.write_manifest(tmp_path, {"kind": "thing", "step": 12, "files": {}})
    path = tmp_path / "manifest.json"
    content = path.read_bytes()
    before = artifacts.manifest_of(tmp_path)
    for place in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            try:
                after = artifacts.manifest_of(tmp_path)
            except UserError:
                continue
            assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("content", [b"\xff", b"", b"{", b"[" * 100_000, b"9" * 5000, b'{"a": ' * 50_000], ids=range(6))
def test_json_that_is_none_is_one_sentence(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match="not valid JSON"):
        artifacts.read_json(tmp_path / "x.json", "thing")


@pytest.mark.parametrize("name", ["/etc/passwd", "../other", "", "a\0b"])
def test_a_manifest_names_files_of_its_directory_alone(tmp_path, name):
    entry = {"bytes": 1, "sha256": "0"}
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "thing", "files": {name: entry}}))
    with pytest.raises(UserError, match="not a manifest"):
        artifacts.read_manifest(tmp_path, "thing")
