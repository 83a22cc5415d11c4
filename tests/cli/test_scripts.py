"""What scripts rely on: JSON alone on standard output, warnings of ours as one line each, prompts from a pipe."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hornbook.cli import program, tables
from hornbook.console import Training, View
from hornbook.diagnose.doctor import examine
from hornbook.evaluate.evaluation import Evaluation
from hornbook.recipes import describe

OLD_RUNS = Path(__file__).parents[1] / "fixtures" / "old_runs"


def hornbook(*arguments: str, code: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the real program, or `code` in its place."""
    start = ["-c", code] if code else ["-m", "hornbook"]
    environment = {**os.environ, "NO_COLOR": "1", **settings}
    return subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True, env=environment)


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return the JSON that one command prints in this process."""
    with pytest.raises(SystemExit) as caught:
        program.main([*arguments, "--json"])
    out, _ = capsys.readouterr()
    assert not caught.value.code
    return json.loads(out)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD_RUNS, tmp_path / "old"))


def test_settings_recipes_and_findings_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed(capsys, "settings") == [line._asdict() for line in describe.describe_settings()]
    (line,) = parsed(capsys, "recipes", "gpt2-medium")
    assert (line["objective"], line["parameters"]) == ("causal", 354_823_168)
    assert parsed(capsys, "recipes", "bert")[0]["parameters"] is None
    found, expected = parsed(capsys, "doctor"), [asdict(line) for line in examine(Path("runs"))]
    assert [line["name"] for line in found] == [line["name"] for line in expected]
    assert set(found[0]) == set(expected[0])


def test_a_script_that_asks_for_nothing_there_is_gets_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(["settings", "zzz", "--json"])
    assert caught.value.code == 2 and capsys.readouterr().out == ""


def test_an_old_run_is_measured_in_json_and_its_old_settings_are_told_once_each(old: Path) -> None:
    done = hornbook("evaluate", str(old / "span"), "--json")
    assert done.returncode == 0, done.stderr
    found = Evaluation.read(json.loads(done.stdout), "the output")
    assert found.objective == "span" and found.number("loss").low < found.loss < found.number("loss").high
    renamed = ("training.matrix_rate", "model.types", "model.judge")
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(line.startswith("hornbook: The setting ") for line in lines)
    assert all(sum(f" {name} is now called " in line for line in lines) == 1 for name in renamed)


def test_a_setting_given_twice_by_its_old_name_is_told_once_and_not_by_other_ranks() -> None:
    words = ("pretrain", "nowhere.txt", "--objective", "causal", "training.matrix_rate=1", "training.matrix_rate=2")
    lines = hornbook(*words).stderr.splitlines()
    assert lines[0] == "hornbook: The setting training.matrix_rate is now called training.muon_learning_rate."
    assert len(lines) == 2 and "nowhere.txt" in lines[1]
    assert "is now called" not in hornbook(*words, RANK="1", WORLD_SIZE="1").stderr


def test_a_warning_of_a_library_is_left_alone() -> None:
    code = (
        "import warnings\n"
        "import hornbook.diagnose.doctor as doctor\n"
        "from hornbook.errors import Notice\n"
        "def examine(_):\n"
        "    for _ in range(2): warnings.warn('ours', Notice)\n"
        "    warnings.warn('theirs', FutureWarning)\n"
        "    return []\n"
        "doctor.examine = examine\n"
        "from hornbook.cli import main\n"
        "main(['doctor', '--json'])\n"
    )
    done = hornbook(code=code)
    assert done.stdout == "[]\n"
    ours, theirs = done.stderr.splitlines()[:2]
    assert ours == "hornbook: ours" and theirs.endswith("FutureWarning: theirs")


def test_the_module_is_the_program() -> None:
    assert hornbook("--version").stdout == "hornbook 0.1.0\n"


def test_a_masked_model_prints_the_filled_text(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(["fill", str(old / "masked"), "one ___ two [MASK].", "--top", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert not caught.value.code and lines[0].startswith("one")
    assert [line.split("  ")[0] for line in lines if line.startswith("gap ")] == ["gap 1", "gap 2"]


def test_a_file_is_shown_by_its_first_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "book.txt"
    path.write_text("Call me Ishmael. " + "whale " * 100 + "Rachel")
    with pytest.raises(SystemExit) as caught:
        program.main(["show", str(path)])
    out = capsys.readouterr().out
    assert not caught.value.code and "row: <s> Call" in out and "book" not in out and "Rachel" not in out


def test_several_samples_are_parted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tables.samples(["a\nb"])
    tables.samples(["a\nb", "c"])
    assert capsys.readouterr().out == "a\nb\na\nb\n\nc\n"
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, no_color=True, width=20, highlight=False)
    monkeypatch.setattr(tables, "console", lambda: terminal)
    tables.samples(["alone"])
    assert screen.getvalue() == ""
    tables.samples(["a", "b"])
    assert "── 1 of 2 ──" in screen.getvalue() and "── 2 of 2 ──" in screen.getvalue()


def test_the_resume_command_is_whole_and_unframed_on_a_narrow_terminal() -> None:
    view, screen = View(), io.StringIO()
    view.console = Console(file=screen, width=60, soft_wrap=True, force_terminal=True, no_color=True)
    directory = "runs/20261128-101010 masked-with-a-long-name-that-fits-into-no-line-of-sixty"
    training = Training(view, "causal [/bold]", 10, 0, 2**30, directory)
    training.invite()
    assert screen.getvalue().splitlines()[1] == f"hornbook pretrain --resume '{directory}'"


@pytest.mark.parametrize("width", [40, 60, 90, 130])
def test_the_panel_fits_every_terminal_and_cuts_no_number(width: int) -> None:
    view, screen = View(), io.StringIO()
    view.console = Console(file=screen, width=width, soft_wrap=True, force_terminal=True, no_color=True)
    view.plain = False
    training = Training(view, "causal [/bold]", 10, 0, 2**30, "runs/a")
    training.write({
        "kind": "train", "step": 4, "loss": 3.25, "learning_rate": 0.0024, "gradient_norm": 1.5, "tokens": 10**6,
        "tokens_per_second": 18_400.0, "useful_share": 0.75, "model_flops": 1e12, "model_flops_utilization": 0.31,
        "memory_bytes": 631_000_000, "seconds_left": 151.0, "waiting_share": 0.0,
    })  # fmt: skip
    training.write({"kind": "held_out", "step": 4, "loss": 2.5, "bits_per_byte": float("nan")})
    view.console.print(training.panel())
    lines = screen.getvalue().splitlines()
    assert {len(line) for line in lines} == {width}
    text = " ".join(" ".join(lines).replace("│", " ").split())
    for told in ("causal [/bold]", "loss 3.2500", "learning rate 2.4e-03", "memory in use 631.0MB of 1.1GB", "MFU 31%"):
        assert told in text
