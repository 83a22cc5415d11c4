"""What this machine and installation offer a run, what is missing, and the command that mends each gap."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

GIB = 2**30
_LOW_MEMORY, _LOW_DISK = 2 * GIB, 1 * GIB
# (module, what it is for, the pip command that brings it)
_EXTRAS = (
    ("daft", "cleans raw text and builds corpora", "pip install 'hornbook[corpus]'"),
    ("pyarrow", "reads .parquet files", "pip install 'hornbook[parquet]'"),
    ("zstandard", "reads .zst files", "pip install 'hornbook[zstd]'"),
    ("datasets", "reads hf:// datasets", "pip install 'hornbook[hub]'"),
    ("transformers", "opens exported models", "pip install 'transformers>=5'"),
    ("numba", "makes batches two to four times as fast; finds near duplicates", "pip install 'hornbook[fast]'"),
    ("gguf", "exports GGUF files", "pip install 'hornbook[gguf]'"),
)
# The names that Chromium has on one system or another.
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Finding:
    """One line of the report: `remedy` is empty where nothing is missing."""

    name: str
    value: str
    remedy: str = ""


def examine(directory: Path) -> list[Finding]:
    """Return what is here, for runs below `directory`. Nothing is changed and no network is used."""
    return [*_software(), *_device(), *_resources(directory), *_extras(), _browser()]


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, None where there is none."""
    return next(filter(None, map(shutil.which, _CHROMIUM)), None)


def _software() -> list[Finding]:
    import torch

    from hornbook.train.machine import find_device, has_compiler

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
    compiler = Finding("compiler", "found: runs can be compiled")
    if not has_compiler(find_device()):
        remedy = "install g++ or clang, as with: apt install g++"
        compiler = Finding("compiler", "none: runs are not compiled", remedy)
    return [
        Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("Hornbook", importlib.metadata.version("hornbook")),
        Finding("PyTorch", f"{torch.__version__} ({build})"),
        compiler,
    ]


def _device() -> list[Finding]:
    import psutil
    import torch

    from hornbook.console import quantity
    from hornbook.diagnose.bench import recall
    from hornbook.train.machine import best_precision, find_device, memory_total

    device = find_device()
    name = f"{torch.cuda.get_device_name(device)}, " if device.type == "cuda" else ""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    fast = best_precision(device) == "bf16"
    speed = "never measured with this version: hornbook bench does it, in under a minute"
    if known := recall():
        flops = f"{quantity(known.matrix_fp32)}FLOP/s in fp32, {quantity(known.matrix_bf16)}FLOP/s in bf16"
        speed = f"{flops}, memory {quantity(known.bandwidth)}B/s, measured on {known.date}"
    return [
        Finding("device", f"{device.type}: {name}{memory_total(device) / GIB:.1f} GiB of memory"),
        Finding("cores", f"{psutil.cpu_count(logical=False) or usable}, of which {usable} threads may be used"),
        Finding("bf16", "fast here: runs use it" if fast else "not faster than fp32 here: runs use fp32"),
        Finding("speed", speed),
    ]


def _resources(directory: Path) -> list[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    place = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    disk = shutil.disk_usage(place)
    close = "close other programs: below 2 GiB only small models train" if memory.available < _LOW_MEMORY else ""
    free = "free some space, or choose another place with --out" if disk.free < _LOW_DISK else ""
    return [
        Finding("memory", f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free", close),
        Finding("disk", f"{disk.free / GIB:.1f} GiB free at {place}", free),
    ]


def _extras() -> list[Finding]:
    from hornbook.train.trackers import TRACKERS

    use = "takes a run's records (logging.trackers)"
    trackers = [(name, use, f"pip install 'hornbook[{name}]'") for name in TRACKERS]
    return [
        Finding(name, f"{importlib.metadata.version(name)}: {purpose}")
        if importlib.util.find_spec(name)
        else Finding(name, f"not installed: {purpose}", command)
        for name, purpose, command in (*_EXTRAS, *trackers)
    ]


def _browser() -> Finding:
    """Pages open in every browser; only PDF files, and the tests of the pages, need this one."""
    purpose = "writes reports as PDF files, tests the pages"
    found = find_chromium()
    if found is None:
        return Finding("Chromium", f"not found: {purpose}", "apt install chromium, or another way that your system has")
    return Finding("Chromium", f"{found}: {purpose}")
