"""Records that grow while they are watched: whatever happens to the file, nothing is read twice, lost or made up."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hornbook.app.tail import Curves, Samples, parsed, time_left
from hornbook.app.thinning import Rows
from hornbook.train.metrics import MetricsFile

MOST = 1 << 30


def record(step: int, **more: Any) -> dict[str, Any]:
    return {"kind": "train", "step": step, "loss": 10.0 / step, "seconds": float(step), "time": 1e9 + step, **more}


def line(step: int, **more: Any) -> bytes:
    return json.dumps(record(step, **more)).encode() + b"\n"


def write(path: Path, numbers: Sequence[int], **more: Any) -> None:
    path.write_bytes(b"".join(line(number, **more) for number in numbers))


def add(path: Path, *lines: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(b"".join(lines))


def steps(curves: Curves) -> list[Any]:
    return points(curves)["step"]


def points(curves: Curves, *names: str) -> Mapping[str, list[Any]]:
    """Return all rows, as a reader who has none gets them."""
    found: Mapping[str, list[Any]] = curves.since(-1, 0, names or ("loss",), 10_000)["columns"]
    return found


class Reader:
    """A page: it has the points of the answers so far."""

    def __init__(self, curves: Curves) -> None:
        self.curves, self.gen, self.offset, self.steps = curves, -1, 0, []  # type: ignore[var-annotated]
        self.whole = 0

    def poll(self) -> list[int]:
        self.curves.look(MOST)
        answer = self.curves.since(self.gen, self.offset, ("loss",), 10_000)
        self.steps = answer["columns"]["step"] if answer["whole"] else [*self.steps, *answer["columns"]["step"]]
        self.gen, self.offset, self.whole = answer["gen"], answer["offset"], self.whole + answer["whole"]
        return self.steps


def test_what_is_new_is_read_once_and_handed_on_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    page = Reader(Curves(path))
    assert page.poll() == [] and not page.curves.lines.there  # the run has none yet
    write(path, [1, 2])
    assert page.poll() == [1, 2]
    first = page.curves.lines.taken
    for step in range(3, 40):
        add(path, line(step))
        assert page.poll() == list(range(1, step + 1))
        assert page.poll() == list(range(1, step + 1))
    assert page.curves.lines.taken - first == path.stat().st_size - first and page.whole == 1
    assert page.offset == path.stat().st_size


def test_a_line_that_is_written_in_parts_waits_and_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [1])
    page = Reader(Curves(path))
    page.poll()
    before, whole = page.offset, line(2)
    for place in range(0, len(whole), 7):
        add(path, whole[place : place + 7])
        page.poll()
        assert page.steps == ([1, 2] if place + 7 >= len(whole) else [1])
        assert page.offset == (before if page.steps == [1] else path.stat().st_size)
    assert page.curves.lines.taken == path.stat().st_size and page.curves.damaged == 0


def test_a_writer_that_is_killed_in_a_line_loses_that_line_alone(tmp_path: Path) -> None:
    """A real process writes lines in halves until SIGKILL; then the records go on behind what it left."""
    path = tmp_path / "metrics.jsonl"
    script = (
        "import sys, json, time\n"
        "with open(sys.argv[1], 'ab', buffering=0) as stream:\n"
        "    for n in range(1, 302):\n"
        "        text = json.dumps({'kind': 'train', 'step': n, 'loss': 1.5}).encode() + b'\\n'\n"
        "        stream.write(text[:20])\n"
        "        if n <= 300:\n"
        "            stream.write(text[20:])\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)])
    page = Reader(Curves(path))
    try:
        while not page.poll() or page.poll()[-1] < 300 or path.read_bytes().endswith(b"\n"):
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    known = page.poll()
    last = known[-1]
    assert known == list(range(1, last + 1))
    add(path, line(last + 10), line(last + 11))
    found = page.poll()
    assert found[-1] == last + 11 and page.curves.damaged <= 1
    assert found == sorted(set(found))


def test_a_resume_to_an_earlier_step_takes_the_later_points_back(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path, 0)
    for step in range(1, 21):
        file.write(record(step))
    file.close()
    page = Reader(Curves(path))
    assert page.poll() == list(range(1, 21))
    gen = page.gen
    again = MetricsFile(path, 12)  # as `hornbook pretrain --resume` from the checkpoint of step 12
    assert page.poll() == list(range(1, 13)) and page.gen != gen
    for step in range(13, 30):
        again.write(record(step, time=1e9 + step + 600, loss=5.0))
        page.poll()
    again.close()
    assert page.steps == list(range(1, 30)) and page.whole == 2
    assert points(page.curves)["loss"][-1] == 5.0
    (event,) = page.curves.events
    assert (event.step, event.what, list(page.curves.stops)) == (13, "went on after a stop of 10 min", [13])
    assert points(page.curves)["seconds"] == sorted(points(page.curves)["seconds"])  # elapsed time has no gap


def test_a_resume_is_told_where_no_clock_is_in_the_records(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    plain = [json.dumps({"kind": "train", "step": step, "loss": 1.0}).encode() + b"\n" for step in range(1, 9)]
    path.write_bytes(b"".join(plain))
    curves = Curves(path)
    curves.look(MOST)
    (tmp_path / "new").write_bytes(b"".join(plain[:4]))
    (tmp_path / "new").replace(path)
    curves.look(MOST)
    assert [event.step for event in curves.events] == [4] and steps(curves) == [1, 2, 3, 4]


@pytest.mark.parametrize("more", [0, 5])
def test_another_file_in_its_place_is_read_from_its_beginning(more: int, tmp_path: Path) -> None:
    """The new file may be as long as the old one, or longer."""
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 11), loss=1.0)
    page = Reader(Curves(path))
    page.poll()
    write(tmp_path / "new", range(1, 11 + more), loss=2.0)
    (tmp_path / "new").replace(path)
    assert page.poll() == list(range(1, 11 + more)) and set(points(page.curves)["loss"]) == {2.0}


def test_a_file_that_is_cut_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 11))
    page = Reader(Curves(path))
    page.poll()
    write(path, range(1, 4), loss=7.0)  # the same inode, shorter
    assert page.poll() == [1, 2, 3] and points(page.curves)["loss"] == [7.0, 7.0, 7.0]


def test_a_file_that_was_replaced_and_has_the_old_number_again_is_noticed(tmp_path: Path) -> None:
    """Two resumes between two looks: the file system gives the first file's inode to the third, which is longer."""
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 11), loss=1.0)
    page = Reader(Curves(path))
    page.poll()
    with path.open("r+b") as stream:  # the same inode with other bytes, and more
        stream.write(b"".join(line(step, loss=2.25) for step in range(1, 31)))
    page.poll()
    assert page.poll() == list(range(1, 31)) and set(points(page.curves)["loss"]) == {2.25}


def test_lines_that_are_no_records_are_counted_and_the_others_shown(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    bad = [b"{\n", b"[]\n", b"null\n", b'{"kind": "train"}\n', b'{"kind": "train", "step": "3"}\n', b"\xff\xfe\x00\n",
           b'{"kind": 3, "step": 3}\n', b'{"kind": "train", "step": -1}\n', b"[" * 5000 + b"\n", b'{"kind": "train", "step": true}\n']  # fmt: skip  # noqa: E501
    path.write_bytes(line(1) + b"".join(bad) + b"\n\n" + line(2) + b'{"kind": "other", "step": 3}\n' + line(2))
    page = Reader(Curves(path))
    assert page.poll() == [1, 2]
    assert (page.curves.damaged, page.curves.twice) == (len(bad), 1)
    add(path, line(3))
    assert page.poll() == [1, 2, 3] and page.whole == 1


def test_a_line_without_end_is_no_record_and_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [1])
    add(path, b"x" * (5 << 20))
    page = Reader(Curves(path))
    page.poll()
    assert len(page.curves.lines._rest) <= 1 << 20
    add(path, b"y" * 100 + b"\n", line(2))
    assert page.poll() == [1, 2]


def test_numbers_that_are_not_finite_and_missing_ones_are_gaps_and_never_0(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        b'{"kind": "train", "step": 1, "loss": NaN, "gradient_norm": Infinity}\n'
        b'{"kind": "train", "step": 2, "loss": null, "not_finite": "loss", "skipped_updates": 1}\n'
        b'{"kind": "train", "step": 3, "loss": "high", "gradient_norm": true}\n'
        b'{"kind": "train", "step": 4, "loss": 1e999, "gradient_norm": 1' + b"0" * 400 + b"}\n"
        b'{"kind": "train", "step": 5, "loss": 0.0, "gradient_norm": 3}\n'
    )
    curves = Curves(path)
    curves.look(MOST)
    found = points(curves, "loss", "gradient_norm", "tokens_per_second")
    assert found["loss"] == [None, None, None, None, 0.0]
    assert found["gradient_norm"] == [None, None, None, None, 3.0]
    assert found["tokens_per_second"] == [None] * 5 == found["seconds"]
    json.dumps(curves.since(-1, 0, ("loss",), 10), allow_nan=False)
    assert [(event.step, event.what) for event in curves.events][:2] == [
        (1, "a number is not finite"),
        (2, "loss is not finite, update skipped (1 so far)"),
    ]


def test_records_of_earlier_versions_are_read_as_far_as_they_go() -> None:
    curves = Curves(Path(__file__).parent.parent / "fixtures" / "old_runs" / "span" / "metrics.jsonl")
    curves.look(MOST)
    found = points(curves, "loss", "model_flops_utilization", "learning_rate")
    assert len(found["step"]) == 12 and None not in found["loss"] and None not in found["model_flops_utilization"]
    assert set(found["seconds"]) == {None} and not curves.events
    assert time_left(tuple(curves.recent)) is not None


@pytest.mark.parametrize("many", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_many_lines_are_read_once_and_kept_small(many: int, tmp_path: Path) -> None:
    """Each spike stays, the answer has few points, and what comes later is all that is read later."""
    path = tmp_path / "metrics.jsonl"
    part = b'{"kind": "train", "step": %d, "loss": %d}\n'
    with path.open("wb") as stream:
        for start in range(1, many + 1, 50_000):
            stream.write(b"".join(part % (n, 999 if n == 12_345 else 2) for n in range(start, start + 50_000)))
    curves = Curves(path)
    looks = 0
    while not looks or curves.lines.more:
        assert curves.look(1 << 20) <= 1 << 20
        looks += 1
    size = path.stat().st_size
    assert curves.lines.taken == size and looks == -(-size // (1 << 20))
    answer = curves.since(-1, 0, ("loss",), 1000)
    assert max(answer["columns"]["loss"]) == 999 and len(answer["columns"]["loss"]) <= 1000
    assert answer["columns"]["step"][0] == 1 and (answer["columns"]["step"] + answer["tip"]["step"])[-1] == many
    assert len(curves.train) <= 4096
    gen, offset = answer["gen"], answer["offset"]
    seen: list[int] = []
    for start in range(many + 1, many + 4001, 500):
        add(path, *(part % (n, 3) for n in range(start, start + 500)))
        curves.look(MOST)
        answer = curves.since(gen, offset, ("loss",), 1000)
        assert not answer["whole"]
        seen += [*answer["columns"]["step"]]
        gen, offset = answer["gen"], answer["offset"]
    assert curves.lines.taken == path.stat().st_size
    assert seen == sorted(seen) and (seen + answer["tip"]["step"])[-1] == many + 4000


@pytest.mark.parametrize("count", [10, 4096, 4097, 9000, 40_000])
def test_thinned_rows_keep_the_least_and_greatest_of_each_part(count: int) -> None:
    rows = Rows(["a", "b"])
    values = [float((n * 7919) % 10_007) for n in range(count)]
    for n, value in enumerate(values):
        rows.add(100 * (n + 1), n, [value, None if n % 2 else -value])
    whole, tip = rows.since(-1, ["a", "b"], 100_000)
    for name, exact in (("a", values), ("b", [-value for value in values[::2]])):
        found = [value for value in whole[name] + tip[name] if value is not None]
        assert (min(found), max(found)) == (min(exact), max(exact))
    assert whole["step"] == sorted(whole["step"]) and len(whole["step"]) <= 4097
    thin, _ = rows.since(-1, ["a"], 100)
    assert len(thin["a"]) <= 102 and thin["step"][0] == 0
    if count <= 4096:
        assert whole["a"] == values and tip["a"] == []


def test_the_last_records_tell_how_a_run_stands_without_reading_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 5001), steps=10_000)
    curves = Curves(path, whole=False)
    curves.look(MOST)
    assert curves.lines.taken <= 1 << 16 and curves.last_step == 5000 and curves.damaged == 0
    assert time_left(tuple(curves.recent)) == pytest.approx(5000.0)


def test_the_time_left_is_told_by_the_last_twenty_records_and_not_by_the_mean(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    slow = [line(step, seconds=10.0 * step, steps=200) for step in range(1, 101)]
    fast = [line(step, seconds=1000.0 + step - 100, steps=200) for step in range(101, 131)]
    path.write_bytes(b"".join(slow + fast))
    curves = Curves(path)
    curves.look(MOST)
    assert time_left(tuple(curves.recent)) == pytest.approx(70.0)
    assert time_left([]) is None and time_left([{"kind": "train", "step": 3}]) is None


def test_held_out_records_and_domains_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    parts = {
        "books": {"text_loss": 3.0, "bits_per_byte": 1.5, "targets": 9},
        "wiki": {"text_loss": 2.0, "bits_per_byte": 1.7},
    }
    held = [
        {"kind": "held_out", "step": 5, "loss": 4.0, "bits_per_byte": 1.6, "seconds": 5.5, "domains": parts},
        {"kind": "held_out", "step": 9, "loss": 3.0, "bits_per_byte": None, "seconds": 9.5, "domains": {"wiki": 3}},
    ]
    path.write_bytes(line(4) + b"".join(json.dumps(one).encode() + b"\n" for one in held) + line(10))
    curves = Curves(path)
    curves.look(MOST)
    answer = curves.since(-1, 0, (), 100)
    assert answer["held_out"] == {
        "step": [5, 9], "seconds": [5.5, 9.5], "loss": [4.0, 3.0], "bits_per_byte": [1.6, None],
    }  # fmt: skip
    names = {"books": [1.5], "wiki": [1.7]}
    assert curves.by_domain(100) == {"step": [5], "unit": "bits per byte", "names": names}
    (tmp_path / "masked.jsonl").write_bytes(json.dumps({**held[1], "domains": parts}).encode() + b"\n")
    masked = Curves(tmp_path / "masked.jsonl")
    masked.look(MOST)  # where bits per byte are not defined, it is nats of text
    names = {"books": [3.0], "wiki": [2.0]}
    assert masked.by_domain(100) == {"step": [9], "unit": "nats per token", "names": names}
    assert steps(curves) == [4, 10]


def test_samples_are_those_of_the_same_texts_and_follow_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"

    def said(step: int, text: int) -> bytes:
        value = {"kind": "sample", "step": step, "text": text, "way": "continuation", "asked": f"q{text}"}
        return json.dumps(value | {"said": f"{step}.{text} \ud800"}).encode() + b"\n"

    path.write_bytes(b"".join(said(step, text) for step in (5, 10) for text in (0, 1)) + b"{torn\n")
    samples = Samples(path)
    samples.look(MOST)
    assert [(one["asked"], [step for step, _ in one["said"]]) for one in samples.texts.values()] == [
        ("q0", [5, 10]),
        ("q1", [5, 10]),
    ]
    assert samples.damaged == 1
    (tmp_path / "new").write_bytes(said(5, 0))
    (tmp_path / "new").replace(path)
    samples.look(MOST)
    assert {text: len(one["said"]) for text, one in samples.texts.items()} == {0: 1} and samples.damaged == 0
    path.unlink()
    samples.look(MOST)
    assert len(samples.texts) == 1 and not samples.lines.there


def test_a_file_that_vanishes_keeps_its_points_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    path.parent.mkdir()
    write(path, range(1, 5))
    page = Reader(Curves(path))
    page.poll()
    shutil.rmtree(path.parent)
    assert page.poll() == [1, 2, 3, 4] and not page.curves.lines.there
    path.parent.mkdir()
    path.mkdir()  # not even a file
    assert page.poll() == [1, 2, 3, 4]
    path.rmdir()
    write(path, range(1, 3))
    assert page.poll() == [1, 2]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [1])
    path.chmod(0)
    page = Reader(Curves(path))
    assert page.poll() == [] and not page.curves.lines.there


def test_a_record_is_what_has_a_kind_and_a_whole_step() -> None:
    assert parsed(b'{"kind": "train", "step": 9007199254740992}')[0] is None  # JavaScript counts no further
    assert parsed(b'{"kind": "train", "step": 1.0}') == (None, False)
    assert parsed(b'{"kind": "x", "step": 0, "a": NaN}') == ({"kind": "x", "step": 0, "a": None}, True)


def test_watching_loads_neither_torch_nor_a_server() -> None:
    code = "import hornbook.app.tail, hornbook.app.watch, sys; sys.exit(bool({'torch', 'uvicorn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
