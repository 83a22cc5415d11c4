"""What studies of the text find: an order by length on the documentation of Python, and a mix that is known.

python benchmarks/curriculum.py length --into DIRECTORY    five arms, 3 seeds: minutes
python benchmarks/curriculum.py mix --into DIRECTORY       16 proxies on three made-up languages, and 8 more mixes

The known mix: three languages of the same grammar, each with its own words, more text than is read. No language teaches
another, so the mean of their bits per byte is lowest where all are read alike. Results go to results/curriculum.json.
A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.study.design import BudgetSettings
from hornbook.study.layout import begin
from hornbook.study.orders.curricula import new_curriculum
from hornbook.study.orders.mixes import fit_mix, proxy_weights, spearman
from hornbook.study.orders.proxies import PROXIES, MixStudy, run_mix
from hornbook.study.report import report_study
from hornbook.study.running import run_study

RESULTS = Path(__file__).parent / "results" / "curriculum.json"
DOCUMENTS = {"a": 1800, "b": 900, "c": 500}
WORDS, LENGTH = 60, 80


def length(into: Path) -> dict[str, Any]:
    """Study the order by length on builtin:docs."""
    directory = into / "length"
    study = new_curriculum(["builtin:docs"], "length", BudgetSettings(tokens=400_000), 3)
    if not (directory / "study.toml").is_file():
        begin(dataclasses.replace(study, width=64, layers=2), directory)
    run_study(directory, plain=True)
    found = report_study(directory)
    yardsticks = {
        one.name: {
            "arms": {arm.arm: round(arm.value, 4) for arm in one.arms},
            "verdicts": [verdict.sentence for verdict in one.verdicts],
        }
        for one in found.yardsticks
    }
    return {"yardsticks": yardsticks, "notes": list(found.notes)}


def languages(path: Path) -> Path:
    """Write the documents of three languages."""
    chance = random.Random(1)
    with path.open("w") as file:
        for topic, number in DOCUMENTS.items():
            words = _words(topic)
            for document in range(number):
                state = [chance.randrange(WORDS)]
                for _ in range(LENGTH - 1):
                    state.append((7 * state[-1] + chance.choice([1, 2, 3, 5])) % WORDS)
                text = f"{' '.join(words[place] for place in state)} {document}"
                file.write(json.dumps({"text": text, "topic": topic}) + "\n")
    return path


def _words(topic: str) -> list[str]:
    chance = random.Random(topic)
    letters = {"a": "bdgzvm", "b": "ptkfsn", "c": "lrjhwx"}[topic]
    return ["".join(chance.choice(letters) + chance.choice("aeiou") for _ in range(3)) for _ in range(WORDS)]


def mix(into: Path) -> dict[str, Any]:
    """Search the known mix, and predict mixes that the regression never saw."""
    into.mkdir(parents=True, exist_ok=True)
    text = languages(into / "languages.jsonl")
    asked = MixStudy(
        (str(text),), "topic", 120_000, proxies=24, proxy_tokens=60_000, width=32, layers=1
    )  # fmt: skip
    found = run_mix(asked, into / "mix", plain=True)
    # The last third is left out: the regression of the others predicts it.
    names = list(found.fit.domains)
    bits = np.array([_bits(into / "mix" / PROXIES / str(number), names) for number in range(24)])
    weights = proxy_weights(found.fit.natural, 24)
    fit = fit_mix(names, found.fit.natural, weights[:16], bits[:16])
    unseen = spearman(fit.aim(fit.predicted(weights[16:])), bits[16:].mean(1))
    known = spearman(found.fit.aim(found.fit.predicted(weights)), -np.log(weights).mean(1))
    return {
        "proxies": found.proxies, "rank_left_out": found.fit.rank, "rank_of_8_unseen_mixes": unseen,
        "rank_with_the_known_order": known, "best": found.mixes["best"], "known_best": dict.fromkeys(names, 1 / 3),
        "natural": found.mixes["natural"], "predicted": found.bits,
    }  # fmt: skip


def _bits(run: Path, names: list[str]) -> list[float]:
    from hornbook.study.yardsticks import BITS, measured

    found = {one.name: one.value for one in measured(run)}
    return [found[f"{BITS} of {name}"] for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["length", "mix"])
    parser.add_argument("--into", type=Path, required=True, help="directory for the studies")
    asked = parser.parse_args()
    found = {"length": length, "mix": mix}[asked.what](asked.into)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    RESULTS.write_text(json.dumps(kept | {asked.what: found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
