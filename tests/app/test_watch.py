"""What the page is told of runs: each as far as it is there, one that is broken never stops the others."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_models import SMALL_RUN, book

import hornbook as hb
from hornbook.app.pictured import Line, Picture, picture
from hornbook.app.serving.endpoints import Refused
from hornbook.app.watch import Asked, Watch, shown, watching
from hornbook.artifacts import json_text, read_json, write_json, write_manifest
from hornbook.errors import UserError
from hornbook.run.status import STATUS, Noting
from hornbook.study.design import ArmSettings, BudgetSettings, Study
from hornbook.study.layout import RUNS, TRANSFERS, TRIALS, begin

NONE = (-1, 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs: of another objective each, one text."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "book.txt").write_text(book())
    settings = {**SMALL_RUN, "training.threads": 1, "training.samples": 1, "training.evaluate_every": 2}
    for objective in ("causal", "masked"):
        out = folder / objective
        hb.pretrain(folder / "book.txt", objective=objective, steps=4, out=out, settings=settings, plain=True)
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Callable[..., Path]:
    def copy(name: str, objective: str = "causal") -> Path:
        run = tmp_path / "runs" / name
        shutil.copytree(made / objective, run, ignore=shutil.ignore_patterns("checkpoints", "tokens"))
        return run

    return copy


def at_once(watch: Watch) -> Watch:
    """Let a watch look at each call, as if much time had passed."""
    watch._find_at = 0.0
    watch._looked.clear()
    return watch


def entries(watch: Watch) -> dict[str, dict[str, Any]]:
    found = at_once(watch).records(Asked())["runs"]
    return {one["path"].rpartition("runs/")[2]: one for one in found}


def numbers(watch: Watch) -> dict[str, int]:
    return {name: one["number"] for name, one in entries(watch).items()}


def test_a_finished_run_is_told_with_its_curves_samples_and_settings(made: Path) -> None:
    watch = watching([made])
    runs = {one["name"]: one for one in watch.records(Asked())["runs"]}
    assert {name: (one["state"], one["told"], one["step"], one["live"]) for name, one in runs.items()} == {
        "causal": ("done", "done", 4, False),
        "masked": ("done", "done", 4, False),
    }
    result = hb.load(made / "causal").result
    assert result is not None and runs["causal"]["value"] == result.numbers[0].value
    assert runs["causal"]["measured"] == f"{result.numbers[0].value:.4g} nats, loss"
    number, other = runs["causal"]["number"], runs["masked"]["number"]
    have = {str(number): NONE, str(other): NONE}
    answer = watch.records(Asked(have, ("loss", "gradient_norm"), focus=number))
    found, metrics = answer["records"][str(number)], hb.load(made / "causal").metrics()
    train = [one for one in metrics if one["kind"] == "train"]
    assert found["columns"]["step"] == [one["step"] for one in train] == [1, 2, 3, 4]
    assert found["columns"]["loss"] == pytest.approx([one["loss"] for one in train], rel=1e-5)
    assert found["held_out"]["step"] == [2, 4] and None not in found["held_out"]["bits_per_byte"]
    assert set(answer["records"][str(other)]["held_out"]["bits_per_byte"]) == {None}  # not defined, so not 0
    focus = answer["focus"]
    assert [one["step"] for one in focus["samples"][0]["said"]] == [2, 4] and focus["samples"][0][
        "way"
    ] == "continuation"
    differing = {row["name"] for row in focus["settings"]}
    assert {"objective.kind", "model.topology"} <= differing and "seed" not in differing


def test_a_reader_gets_nothing_twice(made: Path) -> None:
    watch = watching([made])
    first = watch.records(Asked({}, since=0))
    have = {str(one["number"]): NONE for one in first["runs"]}
    second = watch.records(Asked(have, since=first["tick"], focus=0))
    cursors = {name: (one["gen"], one["offset"]) for name, one in second["records"].items()}
    third = watch.records(Asked(cursors, since=second["tick"], focus=0, told=second["focus"]["tag"]))
    assert third["runs"] == [] and "focus" not in third
    assert all(not one["whole"] and one["columns"]["step"] == [] for one in third["records"].values())


def test_losses_that_are_unlike_are_in_other_groups(copied: Callable[..., Path]) -> None:
    """Another objective, another setting of it, other tokens: each has an axis of its own. Another seed has not."""
    copied("a")
    copied("b", "masked")
    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "seed": lambda kept: kept["recipe"].update(seed=7),
        "rate": lambda kept: kept["recipe"]["objective"].update(rate=0.4),
        "tokens": lambda kept: kept["files"]["tokenizer.json"].update(sha256="0" * 64),
    }
    for name, change in changes.items():
        run = copied(name, "masked")
        manifest = read_json(run / "manifest.json", "manifest")
        change(manifest)
        write_manifest(run, manifest)
        (run / "recipe.toml").unlink()
    found = entries(watching([copied("c").parent]))
    groups = {name: one["group"] for name, one in found.items()}
    assert groups["a"] == groups["c"] and groups["b"] == groups["seed"]
    assert len(set(groups.values())) == 4 and len({one["text"] for one in found.values()}) == 1


def test_runs_whose_objective_or_tokens_are_unknown_are_like_no_other(copied: Callable[..., Path]) -> None:
    for name in ("a", "b"):
        run = copied(name)
        (run / "manifest.json").unlink()
        (run / "tokenizer.json").unlink()
    found = entries(watching([copied("c").parent]))
    assert len({one["group"] for one in found.values()}) == 3


def test_a_broken_run_says_so_and_the_others_go_on(copied: Callable[..., Path]) -> None:
    copied("whole")
    recipe = copied("recipe")
    (recipe / "manifest.json").unlink()
    (recipe / "recipe.toml").write_text("seed = = 3")
    manifest = copied("manifest")
    (manifest / "manifest.json").write_text("{}")
    plan = copied("plan")
    (plan / "plan.json").write_text("[" * 9000)
    strange = copied("strange")
    (strange / "plan.json").write_text('{"tokens_per_step": NaN, "flops_per_step": true, "matmul_flops": 1e999}')
    result = copied("result")
    (result / "result.json").write_text('{"numbers": 3}')
    records = copied("records")
    (records / "metrics.jsonl").write_bytes(b"\xff\n{\n" + (records / "metrics.jsonl").read_bytes())
    watch = watching([recipe.parent])
    found = entries(watch)
    assert set(found) == {"whole", "recipe", "manifest", "plan", "strange", "result", "records"}
    assert [found["strange"][name] for name in ("flops", "peak")] == [None, None]
    json.dumps(found, allow_nan=False)
    assert "is not valid TOML" in found["recipe"]["sentence"] and "not a manifest" in found["manifest"]["sentence"]
    assert found["records"]["sentence"] == "Lines of metrics.jsonl that are damaged, and left out: 2."
    assert found["whole"]["sentence"] == "" and found["plan"]["state"] == "done"
    assert found["result"]["state"] == "done"  # its status says so
    assert "result.json is damaged" in found["result"]["sentence"]
    have = {str(one["number"]): NONE for one in found.values()}
    answer = watch.records(Asked(have, focus=found["recipe"]["number"]))
    assert all(one["columns"]["step"] == [1, 2, 3, 4] for one in answer["records"].values())


def test_a_run_of_a_newer_version_is_told_as_such(copied: Callable[..., Path]) -> None:
    run = copied("new")
    manifest = read_json(run / "manifest.json", "manifest")
    manifest["recipe"]["objective"] = {"kind": "telepathy", "range": [1, 2]}
    write_manifest(run, {**manifest, "hornbook": "99.1", "mood": "good"})
    (one,) = entries(watching([run.parent])).values()
    assert one["sentence"].startswith("Hornbook 99.1 made this run") and one["objective"] == "telepathy"


def test_a_run_that_is_deleted_while_it_is_watched_keeps_its_curves(copied: Callable[..., Path]) -> None:
    run, other = copied("gone"), copied("stays")
    watch = watching([run.parent])
    number = numbers(watch)["gone"]
    before = watch.records(Asked({str(number): NONE}))["records"][str(number)]
    shutil.rmtree(run)
    found = entries(watch)
    assert (found["gone"]["state"], found["gone"]["live"]) == ("deleted", False)
    assert found["gone"]["sentence"] == "The run was deleted, or moved, while it was watched."
    assert found["stays"]["state"] == "done" and other.is_dir()
    again = watch.records(Asked({str(number): (before["gen"], before["offset"])}, focus=number))
    assert not again["records"][str(number)]["whole"]


def test_new_runs_appear_and_an_empty_folder_has_none(copied: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    watch = watching([tmp_path / "runs"])
    assert watch.records(Asked())["runs"] == []
    copied("first")
    assert set(entries(watch)) == {"first"}
    run = copied("second")
    for item in run.iterdir():
        if item.is_file() and item.name != "recipe.toml":
            item.unlink()
    found = entries(watch)
    assert (found["second"]["state"], found["second"]["sentence"]) == ("empty", "The folder has no records yet.")
    with pytest.raises(UserError, match="There is no directory"):
        watching([tmp_path / "nowhere"])


def test_runs_that_are_not_there_yet_are_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    watch = watching([])
    assert watch.session()["places"] == ["runs"] and watch.records(Asked())["runs"] == []


def test_the_state_is_that_of_the_process(copied: Callable[..., Path]) -> None:
    run = copied("run")
    (run / "result.json").unlink()
    watch = watching([run.parent])
    noting = Noting(run)
    for state, stage, live in (
        ("preparing", "tokenizing", True),
        ("training", "training", True),
        ("measuring", "", True),
    ):
        noting.state(state, stage)  # type: ignore[arg-type]
        (one,) = entries(watch).values()
        assert (one["state"], one["live"]) == (state, live)
        assert one["told"] == {"preparing": "preparing: tokenizing", "training": "training 100 %, 0s left"}.get(
            state, state
        )
    noting.end("failed", "The disk is full.", 3)
    (one,) = entries(watch).values()
    assert (one["state"], one["sentence"], one["live"]) == ("failed", "The disk is full.", False)
    kept = read_json(run / STATUS, "status")
    write_json(run / STATUS, {**kept, "state": "training", "started": "long ago"})
    (one,) = entries(watch).values()
    assert (
        one["state"] == "killed" and one["sentence"].startswith("Its process ended without a word") and not one["live"]
    )
    write_json(run / STATUS, {**kept, "state": "training", "machine": "elsewhere", "host": "gpu7"})
    past = 1e9
    for item in run.iterdir():
        os.utime(item, (past, past))
    (one,) = entries(watch).values()
    assert one["state"] == "no sign" and one["sentence"].startswith("No sign for") and "gpu7" in one["sentence"]


def test_a_study_is_told_by_its_arms(made: Path, tmp_path: Path) -> None:
    study = tmp_path / "runs" / "study"
    begin(Study(("BOOK.txt",), {"a": ArmSettings("causal")}, BudgetSettings(steps=1)), study)
    for place in (f"{RUNS}/a.0", f"{RUNS}/a.1", f"{TRIALS}/a.0", f"{TRANSFERS}/sst2/a.0"):
        shutil.copytree(made / "causal", study / place, ignore=shutil.ignore_patterns("checkpoints", "tokens"))
    found = entries(watching([study])).values()
    assert sorted(one["label"] for one in found) == ["study: a", "study: a", "study: a, sst2", "study: a, trials"]
    assert len({one["item"] for one in found}) == 3


def test_runs_of_one_name_are_told_apart(made: Path, tmp_path: Path) -> None:
    for place in ("x/a", "y/a", "y/b"):
        shutil.copytree(made / "causal", tmp_path / place, ignore=shutil.ignore_patterns("checkpoints", "tokens"))
    labels = [one["label"] for one in watching([tmp_path]).records(Asked())["runs"]]
    assert sorted(labels) == ["b", "x/a", "y/a"]


def test_a_chart_is_drawn_as_a_file() -> None:
    lines = (Line("a", (1.0, 2.0, 3.0), (3.0, None, 2.0)), Line("<b>", (1.0,), (0.0,)))
    svg = picture(Picture("Loss", "training", "step", lines))["svg"]
    assert svg.startswith("<svg") and "&lt;b&gt;" in svg and "<b>" not in svg
    assert "&lt;b&gt;" not in picture(Picture("Loss", "", "step", lines, log_y=True))["svg"]  # 0 has no logarithm
    for wrong in ((), (Line("a", (1.0,), (None,)),), (Line("a", (1.0,), ()),)):
        with pytest.raises(Refused):
            picture(Picture("Loss", "", "step", wrong))


@pytest.mark.parametrize("many", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_two_hundred_runs_are_at_most_400_kilobytes_at_first(many: int, copied: Callable[..., Path]) -> None:
    run = copied("run000")
    facts = {"gradient_norm": 1.2345678, "steps": 1000}
    lines: list[dict[str, Any]] = [
        {"kind": "train", "step": n, "loss": 9.87654321 - n / 200, "tokens_per_second": 12345.678 + n, **facts}
        | {"seconds": n * 1.2345, "time": 1e9 + n}
        for n in range(1, 1001)
    ]
    held = {"kind": "held_out", "loss": 4.56789, "bits_per_byte": 1.6543}
    lines += [held | {"step": n, "seconds": n * 1.2345} for n in range(50, 1001, 50)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    for number in range(1, many):
        other = run.with_name(f"run{number:03}")
        other.mkdir()
        for item in run.iterdir():
            if item.is_file():
                os.link(item, other / item.name)
    watch = watching([run.parent])
    first = watch.records(Asked())
    assert len(first["runs"]) == many and len(json_text(first)) <= 400_000
    have, columns = {str(n): NONE for n in range(many)}, ("loss", "tokens_per_second")
    some = {str(n): NONE for n in range(8)}  # as the page asks at first: no point of them is left out
    answer = watch.records(Asked(some, columns))
    assert len(json_text(answer)) <= 400_000
    assert all(len(one["columns"]["step"]) == 1000 for one in answer["records"].values())
    more = True
    while more:
        answer = watch.records(Asked(have, columns))
        assert len(json_text(answer)) <= 400_000
        more = any(one["more"] for one in answer["records"].values())
    assert all(len(one["columns"]["step"]) >= 16 for one in answer["records"].values())
    taken = [one.curves.lines.taken for one in watch._runs]
    have = {name: (one["gen"], one["offset"]) for name, one in answer["records"].items()}
    assert all(one["columns"]["step"] == [] for one in watch.records(Asked(have, columns))["records"].values())
    assert [one.curves.lines.taken for one in watch._runs] == taken  # a finished run is parsed once


def test_what_is_asked_of_no_run_or_column_is_refused(made: Path) -> None:
    watch = watching([made])
    watch.records(Asked())
    for asked in (
        Asked({"2": NONE}),
        Asked({"-1": NONE}),
        Asked({"../x": NONE}),
        Asked({"٣": NONE}),
        Asked(columns=("time",)),
        Asked(focus=2),
    ):
        with pytest.raises(Refused):
            watch.records(asked)


def test_answers_of_several_readers_do_not_mix(made: Path) -> None:
    watch, wrong = watching([made]), []
    watch.records(Asked())

    def read() -> None:
        for _ in range(20):
            found = at_once(watch).records(Asked({"0": NONE, "1": NONE}, focus=1))["records"]
            wrong.extend(one for one in found.values() if one["columns"]["step"] != [1, 2, 3, 4])

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_hostile_names_are_shown_as_signs(copied: Callable[..., Path]) -> None:
    assert shown("a\x1b[31m\u202eb\x7f\n\u2066c") == "a␛[31m[U+202E]b[U+007F]\n[U+2066]c"
    assert shown("Zoë <b>&amp;</b> 北京") == "Zoë <b>&amp;</b> 北京"
    run = copied("x\u202egnp.exe<script>\x07")
    os.rename(run, os.fsencode(run) + b"\xff")
    (one,) = entries(watching([run.parent])).values()
    assert one["name"] == "x[U+202E]gnp.exe<script>␇\ufffd"
    json_text(one).encode()


def test_nothing_is_written_where_runs_are_watched(copied: Callable[..., Path]) -> None:
    """A run on a disk that may only be read is watched like any other; no lock is taken."""
    run = copied("run")

    def state() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_ino) for p in (run, *run.rglob("*")))

    before = state()
    watch = watching([run.parent])
    number = numbers(watch)["run"]
    watch.records(Asked({str(number): NONE}, focus=number))
    assert state() == before
    text = "".join((Path(module.__file__).read_text()) for module in _sources())
    assert "is_locked" not in text and "claimed(" not in text


def _sources() -> list[Any]:
    from hornbook.app import lines, tail, watch, watched

    return [lines, tail, watch, watched]
