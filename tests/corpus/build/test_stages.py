"""What workers do, without an engine: measures, tallies that add up in any order, and the account of a page."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from tiny_steps import Short, Without
from tokenizers import Tokenizer, models, pre_tokenizers

from hornbook.corpus.build import ledger, tally
from hornbook.corpus.build.recipe import CorpusRecipe
from hornbook.corpus.build.stages import Measure, ReadUnit, RunSteps, WritePart, count_lines
from hornbook.corpus.readers.units import discover, group
from hornbook.errors import UserError


def test_texts_are_measured_in_bytes_words_and_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    measure = Measure(str(tmp_path / "tokenizer.json"))
    assert measure(["a b!", "木\n", ""]).tolist() == [[4, 2, 3], [4, 1, 1], [0, 0, 0]]
    assert Measure()(["a b!"]).tolist() == [[4, 2, 0]]
    with pytest.raises(UserError, match="cannot be read"):
        Measure(str(tmp_path / "none.json"))(["a"])


def test_tallies_add_up_in_any_order() -> None:
    parts = [
        {"in": {"examples": [1, 2, 3, 4]}, "steps": {"1": {"examples": {"r": [tally.example(f"d{n}", "text", {})]}}}}
        for n in range(8)
    ]
    found = []
    for order in itertools.islice(itertools.permutations(parts), 0, 40320, 997):
        total: tally.Tally = {}
        for part in order:
            tally.add(total, part)
        found.append(total)
    assert all(total == found[0] for total in found)
    assert found[0]["in"] == {"examples": [8, 16, 24, 32]}
    assert len(found[0]["steps"]["1"]["examples"]["r"]) == tally.EXAMPLES


def test_tasks_one_after_the_other_make_a_ledger_that_adds_up(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_bytes(
        ("Le café était fermé, mais l’élève français a mangé une crêpe à côté de la forêt. " * 200).encode("cp1252")
    )
    for name in ("read", "00", "dropped", "parts", "documents"):
        (tmp_path / name).mkdir()
    units = list(group(discover([str(text)], 1 << 20), 1 << 20))
    task = json.dumps({"number": 3, "pieces": [asdict(piece) for piece in units[0]]})
    ReadUnit(tmp_path / "read", "text", 4000, Measure())(task)
    note = json.loads((tmp_path / "read/000003.json").read_text())
    steps = (Short(3), Without("mais "))
    total = note["tally"]
    for name in note["blocks"]:
        RunSteps(tmp_path / "read", tmp_path / "00", tmp_path / "dropped", 1, ("short", "without"), steps, Measure())(
            name
        )
        tally.add(total, json.loads((tmp_path / f"00/{name}.json").read_text())["tally"])
    WritePart(tmp_path / "00", tmp_path / "parts", tmp_path / "documents", {"00000": tuple(note["blocks"])})("00000")
    tally.add(total, json.loads((tmp_path / "parts/00000.json").read_text())["tally"])
    found = ledger.account(CorpusRecipe(paths=(str(text),), steps=steps), total, [])
    assert found["sources"][str(text)]["repaired"] == {"cp1252, unsure": found["in"]["documents"]}
    assert len(note["blocks"]) > 2
    assert found["in"]["bytes"] - found["kept"]["bytes"] == found["removed"]["bytes"] == 200 * 5
    assert found["steps"][1]["counts"] == {"mais ": 200}
    total["kept"][str(text)][1] += 1
    with pytest.raises(ArithmeticError, match="does not add up"):
        ledger.account(CorpusRecipe(paths=(str(text),), steps=steps), total, [])


def test_lines_before_each_part_of_a_cut_file_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "x"}\n' * 1000)
    pieces = discover([str(path)], 1000)
    assert len(pieces) > 10 and pieces[0].first == 1 and not pieces[1].first
    assert sum(int(count_lines(json.dumps(asdict(piece)))) for piece in pieces) == 1000
