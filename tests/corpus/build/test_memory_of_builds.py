"""Memory does not grow with the corpus."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from builds import begin

MIB = 1 << 20
ALLOWED = 200 * MIB  # of each process; Python with Daft and Arrow alone has about 130
_WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_corpus_of_four_times_the_memory_is_built(tmp_path: Path) -> None:
    draw = random.Random(0)
    known = [f"w{number:x}" for number in range(5000)]
    text = "".join(
        json.dumps({"text": " ".join(draw.choices(known, k=draw.randint(20, 2000)))}) + "\n" for _ in range(1500)
    ).encode()
    with gzip.open(tmp_path / "in.jsonl.gz", "wb", compresslevel=1) as stream:
        for _ in range(4 * ALLOWED // len(text) + 1):
            stream.write(text)
    (tmp_path / "recipe.toml").write_text(
        f'paths = ["in.jsonl.gz"]\nblock = {MIB}\n[[steps]]\nkind = "tiny_steps:Short"\nleast = 100\n'
    )
    process = begin(
        "corpus", "build", "recipe.toml", "--out", "corpus", "--workers", "2", folder=tmp_path, watch=_WATCH
    )
    out, _ = process.communicate()
    assert process.returncode == 0, out
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    assert ledger["in"]["bytes"] > 4 * ALLOWED * 0.95
    assert int(out.split()[-1]) * 1024 < ALLOWED
