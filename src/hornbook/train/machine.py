"""What the machine is and can do: device, precision, memory, and the matrix rate that model FLOP/s are a share of."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import psutil
import torch

# glibc's mallopt(3) parameters: keep freed blocks of up to 1 GiB instead of giving them back to the kernel, whose
# zeroing of every page again costs a CPU step a large part of its time. Or to give them back from 1 MiB on.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30
_GIVE_BACK_BYTES, _TOP_BYTES = 1 << 20, 1 << 25
# Where Linux says what the process's control group, such as a container, may have (cgroup v2).
_GROUP = Path("/sys/fs/cgroup")
_PRODUCT_SECONDS = 0.08  # for which products of one size are timed


def find_device() -> torch.device:
    """Return the best device at hand: CUDA, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def matmul_flops(device: torch.device, dtype: torch.dtype, size: int = 0) -> float:
    """Return the best FLOP/s of matrix products in `dtype`, measured for about a third of a second.

    They are `size` x `size`, or of several sizes on a CPU: while other processes take the CPUs in turn, a small product
    fits between two of their turns, and the best one is what the machine reaches when it is quiet. A process measures
    once; a second question has the same answer.
    """
    sizes = [size] if size else [8192] if device.type != "cpu" else [1024, 512, 256]
    return max(2.0 * each**3 / min(_product_seconds(device, dtype, each)) for each in sizes)


def free_share(device: torch.device, dtype: torch.dtype) -> float:
    """Return which share of its quiet speed the device has now: below 1 where other processes work on it too."""
    times = _product_seconds(device, dtype, 512 if device.type == "cpu" else 8192)
    return min(times) * len(times) / sum(times)


@functools.cache
def _product_seconds(device: torch.device, dtype: torch.dtype, size: int) -> tuple[float, ...]:
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    a @ b
    return tuple(all_seconds(lambda: a @ b, device, _PRODUCT_SECONDS))


def best_seconds(work: Callable[[], object], device: torch.device, enough: float) -> float:
    """Return the shortest time that `work` takes on a device, of as many times as there are in `enough` seconds."""
    return min(all_seconds(work, device, enough))


def all_seconds(work: Callable[[], object], device: torch.device, enough: float) -> list[float]:
    """Return the times that `work` takes on a device, as many as there are in `enough` seconds."""
    times, spent = list[float](), 0.0
    while spent < enough:
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - start)
        spent += times[-1]
    return times


def best_precision(device: torch.device) -> Literal["fp32", "bf16"]:
    """Return "bf16" where its matrix products are at least half as fast again as fp32's, else "fp32"."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "mps":
        return "fp32"
    bf16, fp32 = (matmul_flops(device, kind, 512) for kind in (torch.bfloat16, torch.float32))
    return "bf16" if bf16 > 1.5 * fp32 else "fp32"


def has_compiler(device: torch.device) -> bool:
    """Whether torch.compile can work here: on a CPU it needs a C++ compiler."""
    return device.type == "cuda" or (device.type == "cpu" and any(map(shutil.which, ("g++", "clang++", "c++"))))


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def memory_used(device: torch.device) -> int:
    """Return bytes in use: on the device where it has memory of its own, else of this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def memory_free(device: torch.device) -> int:
    """Return bytes that this process may still take: of the device, or of this machine within the process's limits."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    import resource  # Unix alone has it, as it has the locks of a run

    free = [int(psutil.virtual_memory().available)]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        free.append(limit - int(psutil.Process().memory_info().vms))
    with contextlib.suppress(OSError, ValueError, StopIteration):  # no control group, or one without a limit
        most, used, facts = ((_GROUP / name).read_text() for name in ("memory.max", "memory.current", "memory.stat"))
        cached = next(int(line.split()[1]) for line in facts.splitlines() if line.startswith("inactive_file "))
        free.append(int(most) - int(used) + cached)
    return max(0, min(free))


def memory_total(device: torch.device) -> int:
    """Return bytes of memory that the device, or this machine, has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().total)


def keep_memory_blocks(keep: bool = True) -> None:
    """Tell glibc's allocator to reuse large blocks instead of returning them after every tensor; harmless elsewhere.

    What it keeps has holes: aligned memory that was let go is too small for the next tensor of its size (glibc 2.36).
    Without `keep` large blocks are given back at once: no holes, in a seventh more time (docs/LOG.md).
    """
    if sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES if keep else _GIVE_BACK_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES if keep else _TOP_BYTES)


def environment(device: torch.device) -> dict[str, Any]:
    """Return where a run ran: versions and hardware, no names of users or hosts."""
    from importlib.metadata import version

    packages = ("hornbook", "torch", "numpy", "tokenizers", "safetensors")
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "memory_bytes": memory_total(device),
    }


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
