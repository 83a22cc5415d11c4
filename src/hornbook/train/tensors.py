"""A file of safetensors, written tensor by tensor; and which tensor of some holds a number that is not finite.

    8 bytes   length of the header, little-endian
    header    JSON: name -> dtype, shape, data_offsets; `__metadata__`; blanks up to a multiple of 8 bytes
    data      of the tensors, wider types first, then by name

The bytes are those of the safetensors library. Its own writer hides what the system says of a disk, makes files that no
other user may read, and `save` holds everything in memory twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

# In the library's order of types, from the last to the first.
_TYPES = {
    torch.int64: "I64", torch.float64: "F64", torch.float32: "F32", torch.int32: "I32",
    torch.bfloat16: "BF16", torch.float16: "F16", torch.int16: "I16", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_ORDER = list(_TYPES)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str] | None = None) -> None:
    """Write named tensors, with `facts` as the file's metadata. One tensor at a time is copied to the CPU."""
    named = sorted(tensors.items(), key=lambda item: (_ORDER.index(item[1].dtype), item[0]))
    header: dict[str, object] = {"__metadata__": dict(facts)} if facts else {}
    end = 0
    for name, tensor in named:
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in named:
            cells = tensor.detach().cpu().contiguous().reshape(-1)
            stream.write(cells.view(torch.uint8).numpy().data)


def not_finite(named: Iterable[tuple[str, Tensor]]) -> str:
    """Return the name of the first tensor with a number that is infinite or not a number, "" if all are finite."""
    for name, tensor in named:
        if tensor.is_floating_point() and tensor.numel():
            low, high = torch.aminmax(tensor.detach())  # either is not a number where one of the tensor's is not
            if not bool((low.isfinite() & high.isfinite()).all()):
                return name
    return ""
