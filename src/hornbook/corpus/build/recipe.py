"""CorpusRecipe: how a corpus is built, as one value and as a TOML file, saved with the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from hornbook.corpus.build import chosen
from hornbook.corpus.build.catalogue import from_table, to_table
from hornbook.corpus.readers.fields.choose import pattern_of
from hornbook.corpus.readers.record import Chosen
from hornbook.corpus.step import Step, Survey
from hornbook.errors import UserError, nearest
from hornbook.schema import PositiveCount, check, leaf, plain, read_recipe

_TABLES = ("steps", "readers")


@dataclass(frozen=True)
class CorpusRecipe:
    """How a corpus is built.

    paths       files, globs, folders or URLs that fsspec opens; builtin:docs and builtin:code are texts of your Python
    root        what the lines of lists of files (wet.paths.gz) are below, a folder or an address such as
                s3://commoncrawl/; empty = the folder above the list, or its address, tells it
    text        the field or column that holds the text, one inside another by dots (meta.text), or several joined by a
                pattern ("{title}\\n\\n{body}"); text = where there is none, what a known data set calls it
    fields      the other fields that are kept; empty = all
    block       bytes of text that a worker takes at a time: what it needs of memory grows with it, about tenfold
    tokenizer   a tokenizer.json to count tokens with; empty = tokens are not counted
    steps       what is done, in order
    readers     how files are read whose name matches a pattern; all others by their ending and how they begin
    """

    paths: tuple[str, ...] = ()
    root: str = ""
    text: str = "text"
    fields: tuple[str, ...] = ()
    block: PositiveCount = 1 << 24
    tokenizer: str = ""
    steps: tuple[Step | Survey, ...] = ()
    readers: tuple[Chosen, ...] = ()

    def __post_init__(self) -> None:
        check(self, "")
        if not self.paths or not all(self.paths):
            raise UserError("paths is empty: name at least one file, folder or URL.")
        for path in self.paths:
            try:
                path.encode()
            except UnicodeEncodeError as error:
                raise UserError(f"The path {path!a} is not Unicode: rename the file, or name its folder.") from error
        if not self.text:
            raise UserError('text is empty: name the field that holds the text, as in text = "text".')
        pattern_of(self.text)


def default_steps() -> tuple[Step | Survey, ...]:
    """Return the steps of a corpus that is built without a recipe."""
    kinds = ("repair", "normalise", "exact-duplicates", "near-duplicates")
    return tuple(from_table({"kind": kind}, kind) for kind in kinds)


def to_dict(recipe: CorpusRecipe) -> dict[str, Any]:
    """Return a recipe as plain values, every setting spelled out."""
    result = {item.name: plain(getattr(recipe, item.name)) for item in fields(recipe) if item.name not in _TABLES}
    readers = [chosen.to_table(reader) for reader in recipe.readers]
    return {**result, "steps": [to_table(step) for step in recipe.steps], "readers": readers}


def from_dict(data: Mapping[str, Any]) -> CorpusRecipe:
    """Return the recipe that `data` describes. Raises UserError that names the key which is unknown or wrong."""
    hints = get_type_hints(CorpusRecipe)
    for name in data:
        if name not in hints:
            raise UserError(f"There is no setting '{name}'.{nearest(name, hints)}")
    tables = {name: data.get(name, []) for name in _TABLES}
    for name, found in tables.items():
        if not isinstance(found, list):
            raise UserError(f"{name} must be a list of tables ([[{name}]] in a file).")
    values = {name: leaf(hints[name], value, name) for name, value in data.items() if name not in _TABLES}
    steps = tuple(from_table(table, f"steps[{number}]") for number, table in enumerate(tables["steps"], start=1))
    readers = enumerate(tables["readers"], start=1)
    made = tuple(chosen.from_table(table, f"readers[{number}]") for number, table in readers)
    return CorpusRecipe(**values, steps=steps, readers=made)


def load(path: Path) -> CorpusRecipe:
    """Read a recipe from a TOML file. Raises UserError that names the file, and the line or the key."""
    return read_recipe(path, from_dict)


def dumps(recipe: CorpusRecipe) -> str:
    """Return a recipe as a TOML file, every setting spelled out."""
    import tomli_w

    header = "# A corpus of Hornbook, every setting. Repeat it: hornbook corpus build recipe.toml --out CORPUS\n\n"
    return header + tomli_w.dumps(to_dict(recipe))
