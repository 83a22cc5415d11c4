"""Whatever happens at whatever file operation, going on ends with the bytes of an undisturbed command, and no others.

`benchmarks/crashes.py` has more points than these.
"""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import faulty
import pytest
from faulty import CASES, KINDS, Faults


def tried(*arguments: str) -> list[dict]:
    command = [sys.executable, faulty.__file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_and_an_import_survive_a_few_faults():
    found = tried("causal", "import", "--points", "8", "--seed", "1")
    assert [(one["case"], one["points"], one["failures"]) for one in found] == [("causal", 8, []), ("import", 8, [])]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_case_survives_every_kind_of_fault(name):
    points = 4 if name == "survey" else 24
    (found,) = tried(name, "--points", str(points), "--seed", "2")
    assert found["points"] == points and found["failures"] == []


def write_two(folder: Path) -> None:
    """Seven operations: open, write, fsync, rename of one file; the same of another, which is never synced."""
    with open(folder / "a.partial", "wb") as stream:
        stream.write(b"abcd")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(folder / "a.partial", folder / "a")
    with open(folder / "b", "w", encoding="utf-8") as text:
        text.write("abcd")
    os.rename(folder / "b", folder / "c")


def after(folder: Path, kind: str, at: int) -> tuple[int, dict[str, str], int]:
    """Return how a process with a fault ends, what it leaves, and how many operations it did."""
    folder.mkdir()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        faults = Faults(str(folder), kind, at)
        code = 0
        try:
            faults.install()
            write_two(folder)
        except OSError as error:
            code = error.errno or 1
        finally:
            os.write(writer, str(faults.count).encode())
            os._exit(code)
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(reader) as stream:
        count = int(stream.read() or -1)
    return code, {path.name: path.read_text() for path in sorted(folder.iterdir())}, count


def test_the_harness_does_what_it_says(tmp_path):
    killed = -signal.SIGKILL
    assert after(tmp_path / "none", "", -1) == (0, {"a": "abcd", "c": "abcd"}, 7)
    assert after(tmp_path / "first", "kill", 0) == (killed, {}, -1)
    assert after(tmp_path / "kill", "kill", 1) == (killed, {"a.partial": ""}, -1)
    assert after(tmp_path / "tear", "tear", 1) == (killed, {"a.partial": "ab"}, -1)
    assert after(tmp_path / "rename", "tear", 3) == (killed, {"a.partial": "abcd"}, -1)
    assert after(tmp_path / "power", "power", 6) == (killed, {"a": "abcd", "b": ""}, -1)
    assert after(tmp_path / "lost", "power", 2) == (killed, {"a.partial": ""}, -1)
    assert after(tmp_path / "EIO", "EIO", 3) == (errno.EIO, {"a.partial": "abcd"}, 4)
    assert set(KINDS) == {"kill", "tear", "power", "closed", "ENOSPC", "EIO", "EROFS", "EDQUOT"}
