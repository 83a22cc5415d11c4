"""The result of `benchmarks/gpu.py` as text."""

from __future__ import annotations

from typing import Any

from on_gpu import shapes
from on_gpu.ours import PARTS

Found = dict[str, Any]


def told(result: Found) -> str:
    """Return the tables of a result: the device, speed, the parts of a step, kernels, cases, what failed."""
    parts: dict[str, Found] = result["parts"]
    lines = _device(parts.get("device", {}))
    lines += _speed(parts, result["toy"])
    for heading, names in (("Muon and AdamW", "parts"), ("AdamW alone", "adamw")):
        lines += _by_part(parts, heading, names)
    lines += _kernels(parts)
    lines += _cases(parts)
    failed = [f"  {part}: {found['failed']}" for part, found in parts.items() if "failed" in found]
    failed += [f"  {part}: not compiled: {found['compiling_failed']}" for part, found in parts.items()
               if "compiling_failed" in found]  # fmt: skip
    return "\n".join([*lines, *(["", "what failed", *failed] if failed else [])])


def _device(found: Found) -> list[str]:
    if "bf16_flops" not in found:
        return []
    peak = f"{found['peak_flops'] / 1e12:,.0f}" if found["peak_flops"] else "not known"
    lines = ["", f"{found['name']}: bf16 peak {peak} TFLOP/s; measured {found['bf16_flops'] / 1e12:,.1f} in bf16, "
             f"{found['fp32_flops'] / 1e12:,.1f} in fp32"]  # fmt: skip
    if "launch_seconds" in found:
        lines.append(
            f"copies {found['copied_bytes_per_second'] / 1e9:,.0f} GB/s, from pinned memory "
            f"{found.get('from_pinned_bytes_per_second', 0) / 1e9:,.0f}; "
            f"a launch {1e6 * found['launch_seconds']:.1f} us"
        )
    if "head_seconds" in found:
        each = ", ".join(f"{1e3 * seconds:.1f} ms for {size}" for size, seconds in found["head_seconds"].items())
        lines.append(f"head and loss by the size of the vocabulary: {each}")
    return lines


def _speed(parts: dict[str, Found], toy: bool) -> list[str]:
    device = parts.get("device", {})
    lines = ["", f"{'':17}{'rows':>6}{'tokens/s':>12}{'of peak':>9}{'of measured':>13}{'x Trainer':>11}{'ready':>9}"
             f"{'memory':>10}"]  # fmt: skip
    for name in shapes.SHAPES:
        sides = {side: parts.get(f"{name} {side}", {}) for side in ("hornbook", "trainer")}
        theirs = sides["trainer"].get("rows_per_second")
        for side, found in sides.items():
            if "rows_per_second" not in found:
                continue
            flops = found["rows_per_second"] * shapes.flops_per_row(name, toy)
            shares = [flops / device[key] if device.get(key) else None for key in ("peak_flops", "bf16_flops")]
            ratio = found["rows_per_second"] / theirs if theirs else None
            lines.append(
                f"{name + ' ' + side:17}{found['rows']:6}{found['tokens_per_second']:12,.0f}"
                + "".join(f"{_percent(share):>{width}}" for share, width in zip(shares, (9, 13), strict=True))
                + f"{f'{ratio:.2f}' if ratio else '-':>11}{found['ready_seconds']:7.1f} s"
                + f"{found['peak_bytes'] / 1e9:7.1f} GB"
            )
        if whole := sides["hornbook"].get("whole_rows"):
            lines.append(f"{'  whole rows':17}{'':6}{whole['tokens_per_second']:12,.0f}")
    return lines if len(lines) > 2 else []


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _by_part(parts: dict[str, Found], heading: str, key: str) -> list[str]:
    lines = ["", f"milliseconds of a step: {heading}", f"{'':17}" + "".join(f"{part:>15}" for part in PARTS)]
    for part, found in parts.items():
        if key in found:
            lines.append(f"{part:17}" + "".join(f"{1e3 * seconds:15.2f}" for seconds in found[key].values()))
    return lines if len(lines) > 3 else []


def _kernels(parts: dict[str, Found]) -> list[str]:
    lines = []
    for part, found in parts.items():
        if seen := found.get("kernels"):
            busy = _percent(seen["busy_seconds"] / seen["wall_seconds"])
            lines += ["", f"{part}: {seen['kernels']} kernels a step, busy {busy}, {seen['waits']} waits of the host"]
            lines += [f"  {1e3 * top['seconds']:9.2f} ms  {top['name'][:100]}" for top in seen["top"][:8]]
    return lines


def _cases(parts: dict[str, Found]) -> list[str]:
    lines = ["", "cases"]
    for part, found in parts.items():
        for case, facts in found.get("cases", {}).items():
            lines.append(f"  {'passed' if facts['passed'] else 'FAILED'}  {part}: {case.replace('_', ' ')}")
            for name, fact in facts.items():
                if name not in ("passed", "seconds"):
                    lines += _facts(name.replace("_", " "), fact, 10)
    return lines if len(lines) > 2 else []


def _facts(name: str, fact: Any, space: int) -> list[str]:
    """Return a fact as a line, or, of several, a line for each."""
    if isinstance(fact, dict):
        return [
            f"{'':{space}}{name}:",
            *(line for key, value in fact.items() for line in _facts(key, value, space + 2)),
        ]
    return [f"{'':{space}}{name}: {f'{fact:.3g}' if isinstance(fact, float) else fact}"]
