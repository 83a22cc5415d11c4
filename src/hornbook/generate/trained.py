"""What writing on text needs of a trained model; `hornbook.run.directory.OpenRun` is one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hornbook.convert.generation import Beside
from hornbook.model.electra import Model
from hornbook.recipes.recipe import Recipe
from hornbook.tokens.tokenizer.tokenizer import Tokenizer


class Trained(Protocol):
    """A model, trained or in training, with all that belongs to it."""

    @property
    def directory(self) -> Path:
        """The run's, where its text is, if it has any."""

    @property
    def recipe(self) -> Recipe:
        """Its settings; the objective has its vocabulary."""

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes ids of text and text of ids."""

    @property
    def model(self) -> Model:
        """The model, in fp32, in whichever mode: it is never changed."""

    @property
    def beside(self) -> Beside:
        """Of an imported model: what its folder said beside its shape."""
