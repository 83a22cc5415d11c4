"""What `benchmarks/gpu.py` trains: four published shapes, and each in a toy size; and the peaks of known GPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import torch

from hornbook.model.config import ModelConfig
from hornbook.model.sizes import SIZES
from hornbook.recipes.named import default
from hornbook.scaling.count import flops_per_token

# Dense bf16 matrix products with fp32 sums, in FLOP/s, by a word of the device's name; the first that is found counts.
# NVIDIA's data sheets of each card; those that give figures "with sparsity" are halved here. For GeForce cards the
# white papers of Ampere (GA102), Ada and Blackwell (RTX).
PEAKS = (
    ("B200", 2250e12), ("GH200", 989e12), ("H200 NVL", 835e12), ("H200", 989e12),
    ("H100 NVL", 835e12), ("H100 PCIe", 756e12), ("H100", 989e12), ("H800", 989e12), ("H20", 148e12),
    ("A100", 312e12), ("A800", 312e12), ("L40S", 362e12), ("L40", 181e12), ("L20", 119.5e12), ("L4", 121e12),
    ("A40", 149.7e12), ("A30", 165e12), ("A10", 125e12), ("RTX 5090", 209.5e12), ("RTX 4090", 165.2e12),
    ("RTX 3090", 71e12),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A model to train.

    size        its name among the sizes
    vocabulary  rows of its table: the published number, up to the next multiple of 64
    scored      share of the output positions with a loss
    rows        sizes of a micro-batch, the largest first: the first that fits is measured
    """

    size: str
    objective: str
    vocabulary: int
    scored: float
    rows: tuple[int, ...]


SHAPES = {
    "causal": Shape("gpt2", "causal", 50_304, 1.0, (64, 32, 16, 8, 4)),
    "masked": Shape("bert-base", "masked", 30_528, 0.15, (128, 64, 32, 16, 8)),
    "span": Shape("t5-base", "span", 32_128, 1.0, (128, 64, 32, 16, 8)),
    "350m": Shape("gpt2-medium", "causal", 50_304, 1.0, (64, 32, 16, 8, 4)),
}
TOY = {"vocab_size": 512, "width": 32, "layers": 2, "heads": 2, "max_length": 64, "mlp_width": 64, "head_width": 0}


def config(name: str, toy: bool) -> ModelConfig:
    """Return the model of a shape, without dropout."""
    shape = SHAPES[name]
    full = replace(SIZES[shape.size], vocab_size=shape.vocabulary, dropout=0.0)
    return replace(full, **TOY) if toy else full


def rows(name: str, toy: bool) -> tuple[int, ...]:
    """Return the sizes of a micro-batch that are tried."""
    return (4, 2) if toy else SHAPES[name].rows


def lengths(name: str, toy: bool) -> tuple[int, int]:
    """Return the positions of a row, and those of its targets where a decoder stands behind an encoder, else 0."""
    model, objective = config(name, toy), default(SHAPES[name].objective).objective
    behind = objective.target_length(model.max_length) if model.topology == "encoder-decoder" else 0
    return model.max_length, behind


def flops_per_row(name: str, toy: bool) -> float:
    """Return the operations of training on one row, as in `hornbook.scaling.count`; both sides are measured by them."""
    length, behind = lengths(name, toy)
    return flops_per_token(config(name, toy), length, SHAPES[name].scored, behind) * (length + behind)


def peak_of(name: str) -> float:
    """Return the peak of a device by its name, 0 where it is not known."""
    return next((peak for word, peak in PEAKS if re.search(rf"\b{word}\b", name)), 0.0)


def names_of_versions() -> dict[str, str]:
    """Return the versions of what computes."""
    import importlib.metadata as metadata

    found = {"torch": torch.__version__, "cuda": str(torch.version.cuda)}
    for package in ("transformers", "triton", "accelerate", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    if torch.cuda.is_available():
        found |= {"cudnn": str(torch.backends.cudnn.version()), "nccl": ".".join(map(str, torch.cuda.nccl.version()))}
    return found
