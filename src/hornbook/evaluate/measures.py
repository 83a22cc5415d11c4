"""Numbers on held-out text, from the records of its documents alone. Loads no torch.

Definitions
    loss              sum(weights * nats) / sum(count) of the objective's targets, nats per token
    perplexity        exp(loss); the ends of its interval are exp of those of the loss
    text loss         mean nats of the scored targets that stand for text
    bits per byte     sum of the nats of text tokens / (ln 2 * UTF-8 bytes of the scored text). The marks that end
                      documents are left out; `with ends` has them. Exact where each token is scored after those before
                      it, else a bound. Comparable between tokenizers if decoding gives the text back (`lossless`)
    over domains      the plain mean of the domains' bits per byte; the domains are given, their documents drawn
    word perplexity   exp(nats of text / words), words being apart by white space, line ends included in the text
    pseudo-perplexity exp of the mean nats of tokens masked one at a time
    pair accuracy     share of the text pairs classified correctly

Intervals of 95 % take documents as the draws, never tokens: the ratio estimator (`hornbook.evaluate.statistics.ratio`).
A header holds the sums as they were measured, from which values are computed; items hold each document's part.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hornbook.evaluate import statistics
from hornbook.evaluate.numbers import Kind, Number, number
from hornbook.evaluate.records import Records
from hornbook.evaluate.statistics import Estimate

LARGEST_EXPONENT = 709.0  # exp() of more is infinite
_NATS, _BPB = "nats per token", "bits per byte"
Items = Sequence[Mapping[str, Any]]


def numbers_of(records: Records) -> tuple[Number, ...]:
    """Return what was measured, the objective's own loss first."""
    header, items = records.header, records.items
    return (
        *_losses(header, items),
        *_of_text(header, items),
        *_others(header, items),
    )


def _losses(header: Mapping[str, Any], items: Items) -> Iterator[Number]:
    sums, simple = header["sums"], header.get("baselines", {}).get("loss", {})
    kind: Kind = "exact" if header["every_token"] else "pseudo"
    loss = _valued(sums["nats"] / max(sums["count"], 1.0), _ratio(items, "loss_nats", "loss_count"))
    yield number("loss", loss, _NATS, "nats per scored token", baselines=simple, kind=kind)
    if (grown := _grown(loss)) is not None:
        choices = "exp(loss): how many equally likely choices one token amounts to"
        yield number("perplexity", grown, "", choices, kind=kind)
    text = _valued(sums["text_nats"] / max(1, sums["targets"]), _ratio(items, "text_nats", "targets"))
    yield number("text loss", text, _NATS, f"nats per scored token of text, {sums['targets']:,} tokens", kind=kind)


def _of_text(header: Mapping[str, Any], items: Items) -> Iterator[Number]:
    """Yield what is of whole texts: bits per byte, of all, with ends, over domains and of each; word perplexity."""
    text = header.get("text")
    mine = [item for item in items if item.get("bytes_scored", 0) > 0]
    if text is None or not mine:
        return
    bits = [_bits(item["nats"]) for item in mine]
    size = [item["bytes_scored"] for item in mine]
    estimate = statistics.ratio(bits, size)
    known = header.get("baselines", {}).get("text_nats", {})
    simple = {name: _bits(nats) / sum(size) for name, nats in known.items()}
    meaning = _meaning(header, items)
    kind: Kind = text["kind"]
    yield number("bits per byte", estimate, _BPB, meaning, baselines=simple, kind=kind)
    if any(item.get("ends") for item in mine):
        ended = [_bits(item["nats"] + item["end_nats"]) for item in mine]
        told = "the same with the marks that end documents"
        yield number("bits per byte with ends", statistics.ratio(ended, size), _BPB, told, kind=kind)
    domains = list(dict.fromkeys(item["domain"] for item in mine if "domain" in item))
    if len(domains) > 1:
        of_each = {}
        for name in domains:
            chosen = [place for place, item in enumerate(mine) if item.get("domain") == name]
            of_each[name] = statistics.ratio([bits[place] for place in chosen], [size[place] for place in chosen])
        told = "plain mean of the domains' bits per byte"
        yield number("bits per byte over domains", _over(list(of_each.values())), _BPB, told, kind=kind)
        for name, found in of_each.items():
            yield number(
                f"bits per byte of {name}", found, _BPB, f"of the domain's {found.items:,} documents", kind=kind
            )
    if kind == "exact" and text["windows"] == text["of"] and _is_lossless(items):
        words = statistics.ratio([item["nats"] for item in mine], [item["words"] for item in mine])
        if (grown := _grown(words)) is not None:
            told = "exp of the nats per word, words being apart by white space; comparable across tokenizers"
            yield number("word perplexity", grown, "", told)


def _meaning(header: Mapping[str, Any], items: Items) -> str:
    """Return what bits per byte are worth, and how they were computed."""
    text = header["text"]
    comparable = "comparable across tokenizers" if _is_lossless(items) else "NOT comparable across tokenizers"
    off = "" if text["trained"] else ", off its training"
    part = "" if text["windows"] == text["of"] else f", {text['windows']:,} of {text['of']:,} windows"
    seen = f", {text['mean_context']:.0f} tokens of context on average" if text["mean_context"] else ""
    return f"{comparable}; by {text['way']}{off}, stride {text['stride']}{seen}{part}"


def _others(header: Mapping[str, Any], items: Items) -> Iterator[Number]:
    sums = header["sums"]
    if sums.get("alone_tokens"):
        alone = _valued(sums["alone_nats"] / sums["alone_tokens"], _ratio(items, "alone_nats", "alone_tokens"))
        if (grown := _grown(alone)) is not None:
            told = f"each of {sums['alone_tokens']} tokens masked alone; not comparable with perplexity"
            yield number("pseudo-perplexity", grown, "", told, kind="pseudo")
    if sums["pairs"]:
        right = _valued(sums["pairs_right"] / sums["pairs"], _ratio(items, "pairs_right", "pairs"))
        told = f"share of {sums['pairs']:,} text pairs classified correctly"
        yield number("pair accuracy", right, "share", told, baselines={"chance": 0.5})
    tokens = sum(item["tokens"] for item in items)
    if unknown := sum(item["unknown"] for item in items):
        found = _ratio(items, "unknown", "tokens")
        told = f"tokens that stand for text that the tokenizer cannot spell, {unknown:,} of {tokens:,}"
        yield number("unknown tokens", _valued(unknown / tokens, found), "share", told)


def notes_of(records: Records) -> tuple[str, ...]:
    """Return, in sentences, what the numbers do not say of themselves."""
    header, items = records.header, records.items
    found = [reason] if (reason := header.get("no_text")) else []
    changed = sum(not item["lossless"] for item in items)
    if changed:
        found.append(
            f"Decoding gives another text than was read for {changed:,} of {len(items):,} documents: bits per byte "
            "are not comparable with those of other tokenizers."
        )
    loss = header["sums"]["nats"] / max(header["sums"]["count"], 1.0)
    simple = header.get("baselines", {}).get("loss", {})
    better = min((value, name) for name, value in simple.items()) if simple else None
    if better is not None and better[0] <= loss:
        counted = header["baselines"].get("counted", 0)
        told = f", which counted {counted:,} tokens of the same text" if counted else ""
        found.append(
            f"The model does not beat a {better[1]} model{told} ({better[0]:.4f} against {loss:.4f} nats per token): "
            "train longer if the held-out loss still falls, else on more text."
        )
    return tuple(found)


def _is_lossless(items: Items) -> bool:
    return all(item["lossless"] for item in items)


def _bits(nats: float) -> float:
    return nats / math.log(2)


def _ratio(items: Items, above: str, below: str) -> Estimate | None:
    """Return a ratio of sums over documents with its interval, None where nothing was scored."""
    mine = [item for item in items if item.get(below, 0) > 0]
    return statistics.ratio([item[above] for item in mine], [item[below] for item in mine]) if mine else None


def _valued(value: float, estimate: Estimate | None) -> Estimate:
    """Return an estimate whose value is the one that was measured: it differs from that of the parts in last bits."""
    if estimate is None:
        return Estimate(value, value, value, math.nan, 0, 0)
    return dataclasses.replace(estimate, value=value)


def _grown(estimate: Estimate) -> Estimate | None:
    """Return exp of an estimate and of the ends of its interval; None where a value is more than a number can hold."""
    if estimate.value >= LARGEST_EXPONENT:
        return None
    ends = (math.exp(end) if end < LARGEST_EXPONENT else math.inf for end in (estimate.low, estimate.high))
    low, high = ends
    return dataclasses.replace(estimate, value=math.exp(estimate.value), low=low, high=high, error=math.nan)


def _over(parts: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of independent estimates, with Satterthwaite's degrees of freedom."""
    value = float(np.mean([part.value for part in parts]))
    items = sum(part.items for part in parts)
    if any(part.draws < 2 for part in parts):
        return Estimate(value, value, value, math.nan, items, 1)
    shares = [(part.error / len(parts)) ** 2 for part in parts]
    below = sum(share * share / (part.draws - 1) for share, part in zip(shares, parts, strict=True))
    degrees = sum(shares) ** 2 / below if below else math.inf
    error = math.sqrt(sum(shares))
    half = statistics.t_quantile(0.5 + statistics.CONFIDENCE / 2, degrees) * error
    return Estimate(value, value - half, value + half, error, items, sum(part.draws for part in parts))
