"""Does a sweep of minutes on text that every machine has give a law that predicts its largest corner?

    python benchmarks/scaling_sweep.py --minutes 20 --out runs/sweep     writes its result; goes on where it stopped

Six sizes x four token counts on Python's documentation, second seeds at two corners. Told is how well the law of all
other points predicts the corner (the largest size on the most tokens), and the largest tenth by FLOPs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as hb
from hornbook.artifacts import write_file
from hornbook.scaling.fit import fit_law
from hornbook.scaling.points import read_points

RESULT = Path(__file__).parent / "results" / "scaling_sweep.json"


def corner(path: Path) -> dict[str, Any]:
    """Return how the law of the other points predicts the largest size on the most tokens."""
    points = read_points(path)
    last = (points.parameters == points.parameters.max()) & (points.tokens == points.tokens.max())
    law = fit_law(points.take(~last)).law
    size, tokens, loss = (float(values[last][0]) for values in (points.parameters, points.tokens, points.loss))
    others = np.sort(points.flops[~last])
    return {
        "params": size, "tokens": tokens, "loss": loss, "predicted": law.loss(size, tokens),
        "error": law.loss(size, tokens) / loss - 1, "beyond": float(points.flops[last][0] / others[-1]),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--out", type=Path, default=Path("runs/scaling-sweep"))
    parser.add_argument("--objective", default="causal")
    given = parser.parse_args()
    begun, load = time.monotonic(), os.getloadavg()[0]
    found = hb.scaling_sweep(
        "builtin:docs", minutes=given.minutes, out=given.out, objective=given.objective, plain=True
    )
    seconds, held = time.monotonic() - begun, corner(given.out / "points.csv")
    print(f"{found['points']} points, {seconds / 60:.1f} minutes; corner predicted with {held['error']:+.2%}")
    result = {
        "date": datetime.date.today().isoformat(), "minutes_asked": given.minutes, "minutes_used": seconds / 60,
        "threads": os.environ.get("OMP_NUM_THREADS", ""), "load_before": load, "objective": given.objective,
        "corner": held, "summary": found,
    }  # fmt: skip
    write_file(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
