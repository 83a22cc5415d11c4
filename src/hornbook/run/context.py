"""A run in progress, as one value: what its stages hand on to each other."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import torch

from hornbook.console import View
from hornbook.model.inputs import Tensors
from hornbook.prepare.dataset import Prepared
from hornbook.recipes.recipe import Recipe
from hornbook.run.build import build_loader
from hornbook.run.directory import BaseModel
from hornbook.tokens.loader import Loader
from hornbook.train.parallel import MeshConfig
from hornbook.train.world import World


@dataclass(frozen=True, eq=False)
class RunContext:
    """A run in progress, its recipe as far as it is settled; a stage that settles more returns another one.

    world    all processes, and `device` that of this one
    layout   how processes share the work
    origin   the model whose weights it begins with, if it is still to begin
    begun    what time.monotonic() was when its text was prepared: a budget of minutes counts from there
    until    the step at which this start stops with a checkpoint, to go on another time; 0 = at the run's end
    """

    recipe: Recipe
    prepared: Prepared
    directory: Path
    view: View
    device: torch.device
    world: World
    layout: MeshConfig
    origin: BaseModel | None
    begun: float
    until: int = 0

    @functools.cached_property
    def loader(self) -> Loader[Tensors]:
        """This process's share of the training batches."""
        return build_loader(self.recipe, self.prepared, self.device, self.layout.data)
