"""The page and the Markdown of a run: equal bytes, no address, no path, nothing of a text that is more than text."""

from __future__ import annotations

import html as entities
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hornbook.artifacts import enlist
from hornbook.errors import UserError
from hornbook.report.curves import curves
from hornbook.report.facts import facts_of
from hornbook.report.sections import Options
from hornbook.report.write import write_report

FIXTURES = Path(__file__).parents[1] / "fixtures" / "report"
HOSTILE = '"><script>alert(1)</script>\u202e[x](http://evil.example)|`\x07*a*\n# b'


def words_of(page: Path) -> str:
    """Return the text of a page, without its mark-up."""
    return entities.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_the_report_of_a_kept_run_has_the_bytes_that_it_had(name: str, tales: Path) -> None:
    """After a change that is meant: write_report([FIXTURES / "tales"], FIXTURES / "report.html"), and look at it."""
    found = write_report([tales])
    written = found.page if name.endswith("html") else found.markdown
    assert written.read_text(encoding="utf-8") == (FIXTURES / name).read_text(encoding="utf-8")


def test_equal_runs_in_other_places_give_equal_bytes(tales: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(tales, tmp_path / "elsewhere" / "tales"))
    one, two = write_report([tales]), write_report([other])
    assert one.page.read_bytes() == two.page.read_bytes()
    assert one.markdown.read_bytes() == two.markdown.read_bytes()


def test_the_page_needs_nothing_else_and_runs_nothing(tales: Path) -> None:
    page = write_report([tales]).page.read_text(encoding="utf-8")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    addresses = set(re.findall(r"\b(?:https?|ftp|ws|file)://[^\s\"'<)]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a language, which nobody asks for
    assert all(source.startswith("data:image/svg+xml,") for source in re.findall(r'src="([^"]*)"', page))
    assert not re.search(r"<(script|link|iframe|object|embed)\b|\bon\w+=|@import|url\(", page)
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(names) == len(set(names)) and 'lang="en"' in page


def test_three_runs_are_below_300_kilobytes(tales: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(tales, tmp_path / name / "tales")) for name in ("b", "c")]
    found = write_report([tales, *copies], tmp_path / "three.html")
    assert found.page.stat().st_size <= 300_000
    assert "tales (2)" in words_of(found.page)


def test_page_and_markdown_have_the_same_facts(tales: Path) -> None:
    found = write_report([tales])
    page, text = words_of(found.page), found.markdown.read_text(encoding="utf-8")
    numbers = set(re.findall(r"\d[\d,.]*\d", text)) - set(re.findall(r"\d[\d,.]*\d", page))
    assert numbers == set()
    for rule in found.values["runs"][0]["rules"]:
        assert rule["sentence"].split("`")[0] in page
    assert found.values["runs"][0]["ledger"][0]["holds"] is True


def test_bits_per_byte_of_unlike_texts_share_no_axis(tales: Path) -> None:
    run = facts_of(tales)
    titles = [[figure.chart.title for figure in curves([run, replace(run, name="other", corpus=text)])]
              for text in (run.corpus, {**run.corpus, "threshold": 1})]  # fmt: skip
    assert titles[0].count("Held-out bits per byte") == 1
    assert titles[1][-2:] == ["Held-out bits per byte: the text of tales", "Held-out bits per byte: the text of other"]


def test_only_base_names_of_paths_are_shown_unless_asked(tales: Path, tmp_path: Path) -> None:
    found = write_report([tales])
    for path in (found.page, found.markdown):
        text = path.read_text(encoding="utf-8")
        assert "tales.jsonl" in text and "/home/ann" not in text and str(tmp_path) not in text
    assert "/home/ann" not in json.dumps(found.values)
    whole = write_report([tales], tmp_path / "whole.html", options=Options(full_paths=True))
    assert "/home/ann/mytext/tales.jsonl" in words_of(whole.page)


def test_texts_of_dropped_documents_are_shown_only_when_asked(tales: Path, tmp_path: Path) -> None:
    ledger = json.loads((tales / "corpus" / "ledger.json").read_text())
    step = next(step for step in ledger["steps"] if step["dropped"])
    step["examples"] = {"same": [{"id": "1", "text": "a secret of Ann's", "told": {}}]}
    (tales / "corpus" / "ledger.json").write_text(json.dumps(ledger))
    enlist(tales / "corpus", "ledger.json")
    enlist(tales, "corpus/manifest.json")
    assert "secret" not in words_of(write_report([tales]).page)
    shown = write_report([tales], tmp_path / "shown.html", options=Options(examples=True))
    assert "a secret of Ann's" in words_of(shown.page)


def test_a_hostile_name_and_hostile_samples_are_text_and_nothing_more(tales: Path, tmp_path: Path) -> None:
    strange = tales.rename(tmp_path / HOSTILE.replace("/", ""))
    samples = [json.loads(line) for line in (strange / "samples.jsonl").read_text().splitlines()]
    lines = [json.dumps(sample | {"asked": HOSTILE, "said": HOSTILE}) for sample in samples]
    (strange / "samples.jsonl").write_text("\n".join(lines) + "\n")
    found = write_report([strange], tmp_path / "hostile.html")
    page, text = found.page.read_text(encoding="utf-8"), found.markdown.read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and "<U+202E>" in words_of(found.page)
    assert "\u202e" not in page + text and "\x07" not in page + text
    outside = re.sub(r"(?ms)^(`{3,})$.*?^\1$", "", text)
    assert not re.search(r"(?<!\\)(<|\]\(|http://|\*a\*)", outside)
    assert not re.search(r"(?m)^# b", outside)


FILES = [
    "manifest.json", "recipe.toml", "plan.json", "environment.json", "metrics.jsonl", "samples.jsonl", "result.json",
    "corpus.json", "corpus/ledger.json", "tokens/manifest.json", "tokens/part-00000/offsets.npy", "tokenizer.json",
    "evaluations/held_out.jsonl", "traits.safetensors", "checkpoints/step-00000220/manifest.json",
]  # fmt: skip
WHOLE = {"tokenizer.json", "tokens/part-00000/offsets.npy", "traits.safetensors"}  # told of in the ledger


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_said_and_never_green(name: str, tales: Path) -> None:
    before = facts_of(tales).absent
    (tales / name).unlink()
    found = write_report([tales])
    run = found.values["runs"][0]
    if name not in ("manifest.json", "recipe.toml", "checkpoints/step-00000220/manifest.json"):
        unchecked = [line for line in run["ledger"] if line["holds"] is None]
        unknown = [rule for rule in run["rules"] if rule["status"] == "unknown"]
        quiet = {"environment.json", "evaluations/held_out.jsonl"}
        assert unchecked or unknown or name in quiet | {"corpus/ledger.json"}
        assert len(run["absent"]) > len(before) or name in WHOLE | {"samples.jsonl"}
    assert not any(line["holds"] is False for line in run["ledger"])


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"numbers": 5, "kind": 7}'])
@pytest.mark.parametrize("name", FILES)
def test_what_is_damaged_counts_as_not_there(name: str, content: bytes, tales: Path) -> None:
    (tales / name).write_bytes(content)
    try:
        found = write_report([tales])
    except UserError as error:
        assert name in ("manifest.json", "recipe.toml") and str(tales.parent) not in str(error)
        return
    assert not any(line["holds"] is False for line in found.values["runs"][0]["ledger"])


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("plan.json", '"tokens_per_step": 384', '"tokens_per_step": NaN'),
        ("plan.json", '"flops_per_step": 21080064.0', '"flops_per_step": {}'),
        ("plan.json", '"matmul_flops": 1', '"matmul_flops": 1' + "0" * 400),
        ("plan.json", "48", '"x"'),
        ("corpus.json", '"bytes": 31610', '"bytes": "many"'),
        ("tokens/manifest.json", '"documents": 122', '"documents": {}'),
        ("metrics.jsonl", '"loss": 5.9521', '"loss": 1e300'),
        ("metrics.jsonl", '"step": 2,', f'"step": 2{"0" * 400},'),
        ("samples.jsonl", '"text": 0', '"text": "x"'),
    ],
)  # fmt: skip
def test_numbers_that_a_run_cannot_have_count_as_not_there(name: str, before: str, after: str, tales: Path) -> None:
    """Without a manifest, which would tell that the file has changed."""
    for path in (tales / "manifest.json", *tales.glob("tokens/part-*/manifest.json")):
        path.unlink()
    text = (tales / name).read_text()
    assert before in text
    (tales / name).write_text(text.replace(before, after, 1))
    run = write_report([tales]).values["runs"][0]
    assert any(name in sentence for sentence in run["absent"])
    assert not any(line["holds"] is False for line in run["ledger"])


def test_a_run_of_a_newer_version_is_one_sentence_and_the_others_go_on(tales: Path, tmp_path: Path) -> None:
    newer = Path(shutil.copytree(tales, tmp_path / "newer"))
    (newer / "manifest.json").unlink()
    shutil.rmtree(newer / "checkpoints")
    recipe = (newer / "recipe.toml").read_text().replace("seed = 0", "seed = 0\nthought = 3", 1)
    (newer / "recipe.toml").write_text(recipe)
    found = write_report([newer, tales], tmp_path / "both.html")
    (sentence,) = found.left_out
    assert "newer" in sentence and "thought" in sentence and str(tmp_path) not in sentence
    assert sentence.split("'")[0] in words_of(found.page)
    with pytest.raises(UserError, match="thought"):
        write_report([newer])


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("text")], ids=["empty", "a file"])
def test_what_is_no_run_is_one_sentence(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "nothing")
    place = tmp_path / "nothing"
    with pytest.raises(UserError, match=re.escape(f"There is no run in {place}: ")):  # as it was typed
        write_report([place])


def test_a_run_that_cannot_be_written_is_reported_elsewhere(tales: Path, tmp_path: Path) -> None:
    (tales / "report.html").mkdir()
    with pytest.raises(UserError, match="--out"):
        write_report([tales])
    assert write_report([tales], tmp_path / "out" / "other.html").page.is_file()


def test_a_page_of_someone_else_is_never_replaced(tales: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<p>my thesis</p>")
    with pytest.raises(UserError, match="no page of a report"):
        write_report([tales], mine)
    assert mine.read_text() == "<p>my thesis</p>"
    with pytest.raises(UserError, match="ends in"):
        write_report([tales], tmp_path / "mine.txt")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.md", "my notes", "notes.md is no part of a report"),
        ("notes.pdf", "%PDF", "notes.pdf is no part of a report"),
        ("notes.html", "<!doctype html>\n<title>my thesis</title>", "notes.html is no page of a report"),
    ],
)
def test_what_stands_beside_the_page_is_never_replaced(
    name: str, content: str, said: str, tales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.report.write.find_chromium", lambda: "/usr/bin/chromium")
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=said):
        write_report([tales], tmp_path / "notes.html", pdf=True)
    assert (tmp_path / name).read_text() == content and len(list(tmp_path.glob("notes.*"))) == 1


def test_several_runs_leave_a_report_that_is_not_theirs(
    tales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.md").write_text("a report of my own")
    again = Path(shutil.copytree(tales, tmp_path / "again"))
    with pytest.raises(UserError, match=r"report\.md is no part"):
        write_report([tales, again])
    (tmp_path / "report.md").unlink()
    assert write_report([tales, again]).values == write_report([tales, again]).values


def test_a_pdf_without_a_browser_is_one_sentence(tales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="needs Chromium"):
        write_report([tales], pdf=True)
    assert not (tales / "report.html").exists()


def test_reports_load_no_torch_and_may_be_asked_in_every_way(tales: Path) -> None:
    script = f"""
import sys
import hornbook as hb
import hornbook.report
from hornbook import cli
assert "torch" not in sys.modules
found, again = hb.write_report({str(tales)!r}), hb.load({str(tales)!r}).report()
assert found.page == again.page and found.values == again.values
try:
    cli.main(["report", {str(tales)!r}, "--json"])
except SystemExit as end:
    assert not end.code
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["files"]["page"].endswith("report.html") and values["runs"][0]["name"] == "tales"
