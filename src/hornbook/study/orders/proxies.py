"""A mix study, run: text apart from what is held out, small runs under many mixes, the mix that they propose.

    STUDY/
        mix.json              what was asked for
        text/text.jsonl       the documents, without training documents that are near-copies of held-out ones
        whole/                these as tokens; its tokenizer is that of all proxies
        text/proxies.jsonl    of each domain as much as makes proxies repeat it as often as the run they stand for
        proxies/N/            the runs
        result.json           the fit, and the mixes
        confirmation/         an ordinary study: the proposed mix, the natural one, a uniform one

What is there already is not done again: the same call goes on.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import keys
from hornbook.artifacts import is_done, read_json, write_file, write_json
from hornbook.console import View
from hornbook.corpus.document import Document, document_hash
from hornbook.corpus.read import read
from hornbook.corpus.split import Split, make_split
from hornbook.errors import DivergedError, UserError
from hornbook.locks import lock
from hornbook.prepare.clean import LIBRARIES, cleaned, decided
from hornbook.prepare.dataset import Prepared, prepare
from hornbook.recipes.named import default
from hornbook.recipes.recipe import Recipe
from hornbook.recipes.sections import Budget, DataSettings, MixSettings, TokenizerSettings
from hornbook.run.directory import RESULT, is_run
from hornbook.run.pretrain import pretrain, resume
from hornbook.study.design import STUDY, BudgetSettings
from hornbook.study.layout import TEXT, begin
from hornbook.study.orders.curricula import SOURCE
from hornbook.study.orders.mixes import MACRO, MixFit, check_target, confirmation, fit_mix, proxy_weights
from hornbook.study.yardsticks import BITS, measured
from hornbook.tokens.tokenizer.tokenizer import TOKENIZER

ASKED, PROXIES, RESULTS, CONFIRMATION = "mix.json", "proxies", "mix-result.json", "confirmation"
_EACH, _FEWEST = 8, 16  # proxies for each domain, and at least
_SHARE = 0.1  # of the tokens of the run that they stand for


@dataclass(frozen=True)
class MixStudy:
    """What a mix study is asked.

    text       of several domains
    domain     the field that names them; source = the path of the file
    tokens     that the run reads whose mix is sought
    proxies    small runs; 0 = 8 for each domain, at least 16
    proxy_tokens  that each of them reads; 0 = a tenth of `tokens`
    target     what the mix shall lower: macro = the mean of the domains' bits per byte, or a domain
    seeds      runs of each mix that is confirmed
    width, layers  of the proxies; 0 = chosen from what they read
    """

    text: tuple[str, ...]
    domain: str
    tokens: float
    proxies: int = 0
    proxy_tokens: float = 0
    target: str = MACRO
    objective: str = "causal"
    seeds: int = 3
    width: int = 0
    layers: int = 0

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise UserError("Say with --tokens how many tokens the run reads whose mix is sought.")
        if not 0 <= self.proxy_tokens <= self.tokens:
            raise UserError("A proxy reads no more tokens than the run that it stands for: lower --proxy-tokens.")

    @property
    def of_a_proxy(self) -> int:
        return max(1, round(self.proxy_tokens or _SHARE * self.tokens))

    @property
    def field(self) -> str:
        """The field of the study's own text that names the domain."""
        return SOURCE if self.domain == "source" else self.domain


@dataclass(frozen=True)
class MixResult:
    """What a mix study found.

    fit      the regression
    mixes    natural, uniform and best: weight by domain
    bits     predicted bits per byte of each mix, by domain
    epochs   of each mix and domain: (of a proxy, of the run that it stands for)
    proxies  finished ones; diverged = those that are left out
    """

    fit: MixFit
    mixes: Mapping[str, Mapping[str, float]]
    bits: Mapping[str, Mapping[str, float]]
    epochs: Mapping[str, Mapping[str, tuple[float, float]]]
    proxies: int
    diverged: int

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        facts = {"target": self.fit.target, "rank": self.fit.rank, "proxies": self.proxies, "diverged": self.diverged}
        return facts | {"mixes": self.mixes, "predicted_bits_per_byte": self.bits, "epochs": self.epochs}


def run_mix(study: MixStudy, directory: Path, plain: bool = False) -> MixResult:
    """Do what is not done yet of a mix study, write its confirmation's study file, and return what the proxies say.

    Raises UserError where the directory holds another study, or the text has fewer than two domains.
    """
    view = View(plain)
    _claim(study, directory)
    with lock(directory):
        paths = (str(_apart(study, directory, view)),)
        whole = _prepared(study, paths, directory / "whole", view)
        names = list(whole.domains)
        if len(names) < 2:
            raise UserError(f"The text has one domain by '{study.domain}', {names[0]}: a mix needs two at least.")
        check_target(study.target, names)
        if odd := [name for name in names if "," in name]:
            raise UserError(f"The domain {odd[0]!r} has a comma in its name, which mix.weights cannot have: rename it.")
        sizes = _sizes(whole)
        natural = np.array([sizes[name] for name in names]) / sum(sizes.values())
        share = min(1.0, study.of_a_proxy / study.tokens)
        proxy_text = _subsampled(study, whole, paths, share, directory / TEXT / "proxies.jsonl")
        small = _prepared(study, (str(proxy_text),), directory / "small", view, directory / "whole" / TOKENIZER)
        weights = proxy_weights(natural, study.proxies or max(_FEWEST, _EACH * len(names)))
        bits = [
            _proxy(study, (str(proxy_text),), dict(zip(names, mine.tolist(), strict=True)), directory, number, plain)
            for number, mine in enumerate(weights)
        ]
        done = np.array([found is not None for found in bits])
        told = np.array([[found[name] for name in names] for found in bits if found is not None])
        fit = fit_mix(names, natural, weights[done], told, study.target)
        result = _result(study, fit, sizes, _sizes(small), int(done.sum()), int((~done).sum()))
        write_json(directory / RESULTS, result.plain())
        if not (directory / CONFIRMATION / STUDY).is_file():
            budget = BudgetSettings(tokens=study.tokens)
            mixes = {name: result.mixes[name] for name in ("natural", "uniform", "best")}
            begin(
                confirmation(paths, study.field, budget, study.seeds, mixes, study.objective), directory / CONFIRMATION
            )
    return result


def _claim(study: MixStudy, directory: Path) -> None:
    """Write what is asked in a new directory; raises UserError where it holds anything else."""
    asked = json.loads(json.dumps(dataclasses.asdict(study)))
    path = directory / ASKED
    if path.is_file():
        kept = read_json(path, "mix study")
        if changed := [name for name, value in asked.items() if kept.get(name) != value]:
            raise UserError(f"{directory} is a mix study with another {', '.join(changed)}: choose another name.")
    elif directory.exists() and any(directory.iterdir()):
        raise UserError(f"{directory} is not empty: choose another name for the study.")
    write_json(path, asked)


def _apart(study: MixStudy, directory: Path, view: View) -> Path:
    """Return the study's documents, cleaned, without training documents that are near-copies of held-out ones."""
    place = directory / TEXT / "text.jsonl"
    if place.is_file():
        return place
    data = decided(DataSettings(paths=study.text), view.say)
    documents = list(read(cleaned(data, directory / TEXT, view)))
    split = make_split(map(document_hash, documents), data.held_out)
    near = _near_copies(documents, split, directory / TEXT, view)
    write_file(place, "".join(_line(one) for one in documents if document_hash(one) not in near))
    return place


def _near_copies(documents: Sequence[Document], split: Split, directory: Path, view: View) -> set[int]:
    """Return the hashes of training documents that the corpus's own overlap step finds among the held-out ones."""
    if not all(map(importlib.util.find_spec, LIBRARIES)):
        view.say("near-copies of held-out text in other domains are not looked for: pip install 'hornbook[corpus]'")
        return set()
    from hornbook.corpus.build.build import build_recipe
    from hornbook.corpus.build.engine import Engine
    from hornbook.corpus.build.recipe import CorpusRecipe
    from hornbook.corpus.dedup.overlap import Elsewhere

    sides = {True: directory / "held-out.jsonl", False: directory / "training.jsonl"}
    for side, path in sides.items():
        mine = (one for one in documents if split.held_out(document_hash(one)) == side)
        write_file(path, "".join(map(_line, mine)))
    step = Elsewhere(paths=(str(sides[True]),))
    build_recipe(CorpusRecipe(paths=(str(sides[False]),), steps=(step,)), directory / "apart", Engine(), view.stage)
    kept = {document_hash(one) for one in read((str(directory / "apart"),))}
    trained = {document_hash(one) for one in documents if not split.held_out(document_hash(one))}
    if near := trained - kept:
        view.say(f"{len(near)} training documents are near-copies of held-out ones: they are left out")
    return near


def _line(document: Document) -> str:
    meta = {SOURCE: document.source} | dict(document.meta)
    return json.dumps({**meta, "text": document.text}, default=str) + "\n"


def _recipe(study: MixStudy, paths: tuple[str, ...], weights: Mapping[str, float] | None, tokens: int) -> Recipe:
    """Return the recipe of a proxy; without weights domains are told apart alone."""
    told = tuple(f"{name}={weight:.6g}" for name, weight in (weights or {}).items())
    rule = {"rule": "explicit", "weights": told} if weights else {"rule": "temperature", "temperature": 1.0}
    recipe = default(study.objective, list(paths), Budget(tokens=tokens))
    model = replace(recipe.model, width=study.width, layers=study.layers) if study.width else recipe.model
    mix = MixSettings(domain=study.field, **rule)
    return replace(recipe, data=DataSettings(paths=paths, clean="none"), mix=mix, model=model)


def _prepared(
    study: MixStudy, paths: tuple[str, ...], place: Path, view: View, tokenizer: Path | None = None
) -> Prepared:
    recipe = _recipe(study, paths, None, study.of_a_proxy)
    if tokenizer is not None:
        recipe = replace(recipe, tokenizer=TokenizerSettings(file=str(tokenizer)))
    return prepare(recipe, place, view)


def _sizes(prepared: Prepared) -> dict[str, int]:
    """Return the tokens of each domain that are trained on."""
    return {name: int(prepared.store.lengths[mine].sum()) for name, mine in prepared.domains.items()}


def _subsampled(study: MixStudy, whole: Prepared, paths: tuple[str, ...], share: float, place: Path) -> Path:
    """Write all held-out documents, and of each domain's training documents about a share of the tokens, one at least.

    A proxy then repeats a domain as often as the run that it stands for: a small domain that is good once, and worn out
    by the tenth time, would else look better in proxies than it is (arXiv 2606.07597).
    """
    taken = set(whole.held_out_documents.tolist())
    for documents in whole.domains.values():
        by_chance = documents[np.argsort(keys.mix(whole.store.hashes[documents]), kind="stable")]
        lengths = whole.store.lengths[by_chance].cumsum()
        taken |= set(by_chance[: 1 + int(np.abs(lengths - share * lengths[-1]).argmin())].tolist())
    lines = (_line(document) for number, document in enumerate(read(paths)) if number in taken)
    write_file(place, "".join(lines))
    return place


def _proxy(
    study: MixStudy, paths: tuple[str, ...], weights: Mapping[str, float], directory: Path, number: int, plain: bool
) -> dict[str, float] | None:
    """Return the bits per byte of each domain after a run under these weights; None where it diverged."""
    place = directory / PROXIES / str(number)
    lost = directory / PROXIES / f"{number}.diverged"
    if lost.is_file():
        return None
    try:
        if not ((place / RESULT).is_file() and is_done(place, RESULT)):
            recipe = _recipe(study, paths, weights, study.of_a_proxy)
            recipe = replace(recipe, tokenizer=TokenizerSettings(file=str(directory / "whole" / TOKENIZER)))
            resume(place, plain=plain) if is_run(place) else pretrain(recipe, place, plain=plain)
    except DivergedError:
        write_file(lost, "")
        return None
    found = {one.name.removeprefix(f"{BITS} of "): one.value for one in measured(place)}
    if missing := [name for name in weights if name not in found]:
        raise UserError(
            f"No held-out text of the domain {missing[0]} gives bits per byte: add documents of it, or take an "
            "objective that gives texts a likelihood."
        )
    return found


def _result(
    study: MixStudy, fit: MixFit, sizes: Mapping[str, int], small: Mapping[str, int], finished: int, lost: int
) -> MixResult:
    names = fit.domains
    uniform = np.full(len(names), 1 / len(names))
    mixes = {"natural": fit.natural, "uniform": uniform, "best": fit.best()}
    epochs = {
        mix: {
            name: (weight * study.of_a_proxy / small[name], weight * study.tokens / sizes[name])
            for name, weight in zip(names, weights.tolist(), strict=True)
        }
        for mix, weights in mixes.items()
    }
    told = {mix: dict(zip(names, weights.tolist(), strict=True)) for mix, weights in mixes.items()}
    bits = {
        mix: dict(zip(names, fit.predicted(weights).tolist(), strict=True))
        | {study.target: float(fit.aim(fit.predicted(weights)))}
        for mix, weights in mixes.items()
    }
    return MixResult(fit, told, bits, epochs, finished, lost)
