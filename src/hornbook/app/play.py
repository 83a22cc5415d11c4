"""The playground: models in front of you, and the corruption viewer, as one page.

    runs -> Models, opened in the worker while the page is there already -> streams of app/spoken
    an objective and a text -> pictures.corrupted, at once

No module that loads torch is imported before the worker's first step.
"""

from __future__ import annotations

import functools
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hornbook.app.pictures import TOKENS, Corruption, corrupted, described
from hornbook.app.serving.endpoints import Page, Reply, Stream
from hornbook.app.spoken import requests
from hornbook.app.spoken.models import Models
from hornbook.app.spoken.sentences import BUNDLED
from hornbook.errors import Notice, UserError
from hornbook.recipes.settings import RECIPE, load_recipe, to_dict, written
from hornbook.run.sealed import flat

_DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")
# What a model is asked, by the last word of the address: the request, and the module of app/spoken with the function.
_ASKED: Mapping[str, tuple[type, str]] = {
    "gap": (requests.GapRequest, "gaps"),
    "sentences": (requests.SentencesRequest, "sentences"),
    "write": (requests.WriteRequest, "writing"),
    "surprise": (requests.SurpriseRequest, "surprise"),
    "neighbours": (requests.NeighboursRequest, "inside"),
    "attention": (requests.AttentionRequest, "inside"),
    "judge": (requests.JudgeRequest, "inside"),
    "pair": (requests.PairRequest, "inside"),
    "load": (requests.LoadRequest, "models"),
}


@dataclass(frozen=True)
class Compared:
    """Two runs whose recipes are to be compared."""

    first: int
    second: int


def play_page(
    runs: Sequence[Path] = (), own: Sequence[str] = (), device: str = "", models: Models | None = None
) -> Page:
    """Return the page of these runs; without any it shows what objectives do to a text.

    own      objectives beside the catalogue's: path.py:Class or module:Class
    device   where the models are put: cpu, cuda, cuda:N or mps; "" = the CPU
    models   in place of runs: those that another page adds runs to

    Raises UserError where a run is not there at all, and for an objective that is none. A run that is there and cannot
    be opened is shown as such, with the reason, and the others are played with.
    """
    for path in runs:
        if not path.is_dir():
            raise UserError(f"There is no run and no Hugging Face model in {path}.")
    if device and not _DEVICE.fullmatch(device):
        raise UserError(f"--device must be cpu, cuda, cuda:N or mps, not '{device}'.")
    models = models or Models(runs, device)
    objectives = described(own)
    about = {
        "objectives": objectives,
        "sentences": [{"text": text, "answer": answer, "source": "bundled"} for text, answer in BUNDLED],
        "limits": {
            "text": requests.TEXT, "tokens": TOKENS, "new": requests.NEW, "alternatives": requests.TOP,
            "runs": requests.RUNS, "seen": requests.SEEN,
        },
    }  # fmt: skip
    return Page(
        "play",
        "Play",
        (
            Reply("/api/corrupt", Corruption, lambda asked: corrupted(asked, models.directories, own)),
            Reply("/api/differences", Compared, lambda asked: differences(asked, models.directories)),
            *(Stream(f"/api/{name}", asks, _events(models, name)) for name, (asks, _) in _ASKED.items()),
        ),
        lambda: {"runs": models.session(), "device": models.device, **about},
        (functools.partial(_loading, models),) if runs else (),
    )


def _loading(models: Models) -> Iterator[None]:
    """Open the runs, on the CPU where the device that was asked for is not there."""
    import torch

    yield
    kind, _, number = models.device.partition(":")
    there = {"cpu": 1, "mps": int(torch.backends.mps.is_available()), "cuda": torch.cuda.device_count()}[kind]
    if int(number or 0) >= there:
        warnings.warn(f"There is no device {models.device} here: the models are on the CPU.", Notice, stacklevel=2)
        models.device = "cpu"
    yield from models.loading()


def _events(models: Models, name: str) -> Callable[[Any], Iterator[Mapping[str, Any]]]:
    """Return the generator function of an address; its module is imported by its first step, in the worker."""

    def events(asked: Any) -> Iterator[Mapping[str, Any]]:
        module = importlib.import_module(f"hornbook.app.spoken.{_ASKED[name][1]}")
        yield from getattr(module, name)(models, asked)

    return events


def differences(asked: Compared, runs: Sequence[Path]) -> dict[str, Any]:
    """Return {"settings": [[name, of the first, of the second]]} of the settings that differ between two recipes.

    Raises UserError where one of the runs is not there, or a folder without a recipe.
    """
    for number in (asked.first, asked.second):
        if not 0 <= number < len(runs):
            raise UserError(f"There is no run number {number} here.")
    recipes = (flat(to_dict(load_recipe(runs[number] / RECIPE))) for number in asdict(asked).values())
    first, second = ({name: written(value) for name, value in recipe.items()} for recipe in recipes)
    names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return {"settings": [[name, first.get(name, "-"), second.get(name, "-")] for name in names]}
