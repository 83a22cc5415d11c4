"""Built corpora: read in order, described, compared, and refused when they are not whole."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tiny_steps import Repeats, Short, Without

from hornbook.artifacts import seal
from hornbook.cli import corpus as corpus_cli
from hornbook.cli import main
from hornbook.corpus.build.build import build
from hornbook.corpus.build.engine import Engine
from hornbook.corpus.build.ledger import page
from hornbook.corpus.built import compare, documents, open_corpus, sample
from hornbook.corpus.read import read
from hornbook.corpus.readers.discovery import passed_over
from hornbook.corpus.readers.units import discover
from hornbook.errors import UserError

EVIL = "<script>alert('x')</script> & \"quoted\" words </pre>"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build two corpora of the same text that differ in one setting."""
    folder = tmp_path_factory.mktemp("built")
    texts = [f"Text {number} has {'many ' * number}words" for number in range(20)] * 2
    lines = [json.dumps({"text": text, "id": number}) for number, text in enumerate([*texts, EVIL])]
    (folder / "a.jsonl").write_text("\n".join([*lines, "{<b>broken"]))
    (folder / "<b>.txt").write_text("A book of some words. " * 30)
    for name, least in (("first", 8), ("second", 12)):
        paths = [str(folder / "a.jsonl"), str(folder / "<b>.txt")]
        build([Short(least), Repeats(), Without("many ")], paths, folder / name, engine=Engine(workers=1))
    return folder / "first", folder / "second"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(list(arguments))
    except SystemExit as error:
        code = int(error.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_pretraining_reads_a_built_corpus_in_its_order(corpora: tuple[Path, Path]) -> None:
    texts = [document.text for document in read([str(corpora[0])])]
    assert texts[:2] == ["Text 4 has words", "Text 5 has words"] and len(texts) == 17
    first = next(iter(documents(open_corpus(corpora[0]))))
    assert first.meta == {"id": 4, "language": "en"} and first.id.endswith("a.jsonl#5")


def test_two_corpora_are_compared(corpora: tuple[Path, Path]) -> None:
    found = compare(open_corpus(corpora[0]), open_corpus(corpora[1]))
    assert found.recipe == [("tiny_steps:Short.least", "8", "12")]
    assert found.kept[0] == ("documents", 17, 13)
    assert found.dropped == [("repeats: seen before", 16, 12), ("short: too few words", 9, 17)]
    assert found.only[0][0] == 4 and found.only[1] == (0, []) and found.both == 13
    assert found.only[0][1][0].endswith("a.jsonl#5")


def test_verbs_print_the_account(corpora: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, corpora)
    code, out, _ = answer(capsys, "corpus", "inspect", first, "--documents", "2")
    assert code == 0 and "read\t42\t" in out and "kept\t17\t" in out and "1 could not be read" in out
    code, out, _ = answer(capsys, "corpus", "inspect", first, "--reason", "short")
    assert code == 0 and "short: too few words: 9 documents" in out and out.count("a.jsonl#") == 5
    assert answer(capsys, "corpus", "inspect", first, "--reason", "shrt")[0] == 2
    code, out, _ = answer(capsys, "corpus", "diff", first, second)
    assert code == 0 and "tiny_steps:Short.least\t8\t12" in out and "4 texts only in" in out
    code, out, _ = answer(capsys, "corpus", "build", "a.toml", "b.txt")
    assert code == 2
    code, _, err = answer(capsys, "corpus", "build", "b.txt")
    assert code == 2 and "--out" in err


def test_a_sample_is_the_same_each_time(corpora: tuple[Path, Path]) -> None:
    opened = open_corpus(corpora[0])
    assert len(sample(opened, 3)) == 3 and sample(opened, 3) == sample(opened, 3) and sample(opened, 0) == []


def test_the_same_build_again_changes_nothing_and_another_is_refused(corpora: tuple[Path, Path]) -> None:
    folder = corpora[0].parent
    paths = [str(folder / "a.jsonl"), str(folder / "<b>.txt")]
    before = (corpora[0] / "manifest.json").stat().st_mtime_ns
    build([Short(8), Repeats(), Without("many ")], paths, corpora[0], engine=Engine(workers=1))
    assert (corpora[0] / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="another recipe built"):
        build([Short(9)], paths, corpora[0], engine=Engine(workers=1))


def test_what_is_no_whole_corpus_is_refused(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no corpus"):
        open_corpus(tmp_path)
    (tmp_path / "a.txt").write_text("something of the user's")
    with pytest.raises(UserError, match="is not empty"):
        build([], [str(tmp_path / "a.txt")], tmp_path, engine=Engine(workers=1))
    assert (tmp_path / "a.txt").exists()
    half = tmp_path / "half"
    (half / "work").mkdir(parents=True)
    (half / "work/recipe.json").write_text("{}")
    with pytest.raises(UserError, match="only half built"):
        list(read([str(half)]))


def test_a_ledger_of_another_version_is_told(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(corpora[0], other)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "ledger.json").write_text("{}")
    names = list(manifest["files"])
    seal(other, "corpus", {"version": "99.0"}, names)
    for verb in (["inspect", str(other)], ["diff", str(corpora[0]), str(other)]):
        code, _, err = answer(capsys, "corpus", *verb)
        assert code == 2 and "another version of Hornbook wrote it (99.0)" in err and len(err.splitlines()) == 1
    (other / "recipe.toml").write_text("no = [toml")
    shutil.copy(corpora[0] / "ledger.json", other)
    seal(other, "corpus", {"version": "99.0"}, names)
    code, _, err = answer(capsys, "corpus", "inspect", str(other))
    assert code == 2 and "is not valid TOML" in err


def test_a_part_whose_bytes_have_changed_is_an_error_in_words(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(corpora[0], other)
    part = next((other / "documents").glob("*.parquet"))
    data = part.read_bytes()
    part.write_bytes(data[:4] + b"\xff" * (len(data) // 2) + data[4 + len(data) // 2 :])
    code, _, err = answer(capsys, "corpus", "inspect", str(other))
    assert code == 2 and f"the contents of documents/{part.name} have changed" in err and "Traceback" not in err


def test_a_cut_part_is_noticed(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(corpora[0], copy)
    part = next((copy / "documents").iterdir())
    part.write_bytes(part.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"is damaged: documents/part-00000\.parquet has"):
        list(read([str(copy)]))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_sound_page_that_escapes_everything(corpora: tuple[Path, Path]) -> None:
    ledger = json.loads((corpora[0] / "ledger.json").read_text())
    assert page(ledger) == (corpora[0] / "report.html").read_text(encoding="utf-8")
    ledger["steps"][0]["examples"]["short: too few words"][0] |= {"text": EVIL, "id": EVIL, "told": {EVIL: EVIL}}
    text = page(ledger)
    parser = _Page()
    parser.feed(text)
    assert parser.open == [] and not parser.links
    assert {"table", "caption", "th", "details"} <= parser.seen and not {"script", "b", "img", "link"} & parser.seen
    assert text.count("&lt;script&gt;") >= 4 and "<script>" not in text and "&lt;b&gt;.txt" in text
    assert "://" not in text and "http" not in text.replace("http-equiv", "")
    assert re.search(r'kept</th>\s*<td class="number">17</td>', text)


def test_steps_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    from hornbook.corpus.build.catalogue import CATALOGUE

    code, out, _ = answer(capsys, "corpus", "steps")
    assert code == (0 if CATALOGUE else 2)
    assert all(f"\n{kind}\t" in f"\n{out}" for kind in CATALOGUE)
    assert corpus_cli.app.info.help


def test_what_hornbook_made_below_a_folder_is_passed_over_and_named(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Words of mine.")
    (tmp_path / "notes" / "recipe.toml").write_text("")  # alone it is no run
    shutil.copytree(corpora[0], tmp_path / "corpus")
    run, half = tmp_path / "runs" / "first", tmp_path / "half"
    (run / "checkpoints").mkdir(parents=True)
    for name in ("recipe.toml", "environment.json", "result.json", "notes.txt"):
        (run / name).write_text("{}")
    (half / "work" / "read").mkdir(parents=True)
    for name in ("recipe.json", "read/block.txt"):
        (half / "work" / name).write_text("{}")
    assert [document.text for document in read([str(tmp_path)])] == ["Words of mine."]
    files = [Path(piece.path).relative_to(tmp_path).as_posix() for piece in discover([str(tmp_path)], 1000)]
    assert files == ["notes/a.txt", "notes/recipe.toml"]
    said = passed_over([str(tmp_path), "builtin:docs"])
    assert all(str(folder) in said for folder in (tmp_path / "corpus", run, half)) and "notes" not in said
    assert passed_over([str(tmp_path / "notes"), str(corpora[0])]) == ""
    assert len(list(read([str(tmp_path / "corpus")]))) == 17


def test_a_build_says_what_it_passes_over_and_goes_on_into_the_folder_it_reads(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("Words of mine, and more than a few of them.")
    shutil.copytree(corpora[0], tmp_path / "corpus")
    code, out, _ = answer(capsys, "corpus", "build", str(tmp_path), "--out", str(tmp_path / "new"), "--workers", "1")
    assert code == 0 and out.count("passed over, since Hornbook made them: ") == 1
    assert open_corpus(tmp_path / "new").ledger["in"]["documents"] == 1
