"""A mix study, run by tiny models: text apart, equal repetition, the same result after a stop."""

import json
import shutil
from pathlib import Path

import pytest
from stories import story

from hornbook.corpus.document import document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import make_split
from hornbook.errors import UserError
from hornbook.study.design import load_study
from hornbook.study.orders.proxies import CONFIRMATION, PROXIES, MixStudy, run_mix

pytestmark = pytest.mark.slow


def text(folder: Path) -> Path:
    """Stories and numbers, three to one, and a near-copy of the first held-out story among the others."""
    rows = [
        {"text": story(12, number), "topic": "tale"} if number % 4 else
        {"text": " ".join(str(number * k % 97) for k in range(120)), "topic": "sums"}
        for number in range(160)
    ]  # fmt: skip
    path = folder / "text.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    documents = list(read((str(path),)))
    split = make_split(map(document_hash, documents), 0.05)
    first = next(one for one in documents if split.held_out(document_hash(one)))
    number = 0
    while split.held_out(document_hash(copy := type(first)(f"{first.text} {number}", "", ""))):
        number += 1
    rows.append({"text": copy.text, "topic": "sums"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_mix_is_searched_at_equal_repetition(tmp_path: Path) -> None:
    pytest.importorskip("daft")
    study = MixStudy((str(text(tmp_path)),), "topic", 20_000, proxies=6, proxy_tokens=5_000, width=16, layers=1)
    found = run_mix(study, tmp_path / "study", plain=True)
    assert found.proxies == 6 and set(found.mixes) == {"natural", "uniform", "best"}
    for mix in found.mixes.values():
        assert sum(mix.values()) == pytest.approx(1)
    for epochs in found.epochs.values():  # a proxy repeats a domain as often as the run that it stands for
        assert all(proxy == pytest.approx(run, rel=0.15) for proxy, run in epochs.values())
    kept = [json.loads(line) for line in (tmp_path / "study" / "text" / "text.jsonl").read_text().splitlines()]
    whole = [json.loads(line) for line in (tmp_path / "text.jsonl").read_text().splitlines()]
    copy = whole[-1]["text"]  # of a held-out story: one of the two stays
    pair = {one["text"] for one in whole if copy.startswith(one["text"])}
    assert len(pair) == 2 and len(pair & {one["text"] for one in kept}) == 1 and len(kept) == len(whole) - 1
    confirmed = load_study(tmp_path / "study" / CONFIRMATION)
    assert list(confirmed.arms) == ["natural", "uniform", "best"] and confirmed.budget.tokens == 20_000
    shutil.rmtree(tmp_path / "study" / PROXIES / "3")
    assert run_mix(study, tmp_path / "study", plain=True).plain() == found.plain()
    with pytest.raises(UserError, match="another proxies"):
        run_mix(MixStudy((str(tmp_path / "text.jsonl"),), "topic", 20_000), tmp_path / "study")
