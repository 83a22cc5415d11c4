"""Family: one model class of transformers as a table, read in both directions. Loads no torch.

A table has two halves. `fields`, `requires` and `derived` say which ModelConfigs the class holds and what its
config.json then says; `weights` says which tensor of ours is which of theirs. A setting that a table does not mention
must have its default, so a new option of ModelConfig is refused by every family until a table says how it is held. The
same holds the other way: an entry of config.json that no table mentions is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hornbook.convert.families.explicit import explicit
from hornbook.convert.families.harmless import HARMLESS
from hornbook.errors import UserError
from hornbook.model.config import ModelConfig

_REQUIRED: Any = object()

# Names of activations there, each with ours; the first name of ours is the one we write.
ACTIVATIONS: Mapping[Any, Any] = {
    "silu": "silu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "relu": "relu",
}


@dataclass(frozen=True)
class Field:
    """One setting under both names.

    ours      its name in ModelConfig
    theirs    its place in config.json; dots lead into nested entries: "rope_parameters.rope_theta"
    values    from their spelling to ours, where the two differ
    plus      how much theirs is larger: a number, or the setting of ours that says it
    absent    what ours is where config.json has none of these places, or null; without it that is an error
    also      other places to read from, as earlier versions wrote it
    zero      the setting of ours that theirs equals where ours is 0
    least     the smallest value of ours that theirs can say
    """

    ours: str
    theirs: str
    values: Mapping[Any, Any] | None = None
    plus: int | str = 0
    absent: Any = _REQUIRED
    also: tuple[str, ...] = ()
    zero: str = ""
    least: int = 0

    def there(self, config: ModelConfig) -> Any:
        """Return their spelling of our value; the caller knows that there is one."""
        value = getattr(config, self.ours)
        if self.zero and not value:
            value = getattr(config, self.zero)
        if self.values is not None:
            return next(theirs for theirs, ours in self.values.items() if ours == value)
        more = getattr(config, self.plus) if isinstance(self.plus, str) else self.plus
        return value + more if more else value

    def said(self, settings: Mapping[str, Any]) -> str:
        """Spell what config.json says of this setting."""
        value = look_up(settings, self.theirs)
        return f"nothing of {self.theirs}" if value is None else f"{self.theirs} = {value!r}"

    def here(self, settings: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
        """Return our spelling of their value, or refuse it; `found` has our settings so far, for `plus`."""
        places = (self.theirs, *self.also)
        value = next((value for place in places if (value := look_up(settings, place)) is not None), None)
        if value is None:
            if self.absent is _REQUIRED:
                raise UserError(f"config.json lacks {self.theirs}, which a model of this type needs.")
            return self.absent
        if self.values is not None:
            if not any(value == known for known in self.values):
                known = ", ".join(map(str, self.values))
                raise UserError(f"config.json says {self.theirs} = {value!r}; Hornbook's models know {known}.")
            return self.values[value]
        more = found[self.plus] if isinstance(self.plus, str) else self.plus
        return value - more if more else value


@dataclass(frozen=True)
class Rule:
    """Settings whose spellings are not one entry for one setting, such as the kinds of layers.

    ours   the settings of ours that it leaves free
    write  their entries, by place, of a config that the class holds
    read   our settings of a config.json, or a refusal in words
    names  every entry of a config.json that `read` looks at
    """

    ours: tuple[str, ...]
    write: Callable[[ModelConfig], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Weight:
    """One tensor of theirs and its parts in ours; `{i}` is the number of the layer.

    Several parts are concatenated along the first axis, each with the same number of rows. `transpose` is for matrices
    stored [inputs, outputs] there; ours are [outputs, inputs]. A line holds only where its tensors exist.
    """

    theirs: str
    ours: tuple[str, ...]
    transpose: bool = False


def affine(theirs: str, *ours: str, transpose: bool = False) -> tuple[Weight, Weight]:
    """Return the lines of a linear map's or a norm's weight and bias."""
    return (
        Weight(f"{theirs}.weight", tuple(f"{name}.weight" for name in ours), transpose),
        Weight(f"{theirs}.bias", tuple(f"{name}.bias" for name in ours)),
    )


def affines(theirs: str, ours: str, names: Mapping[str, str]) -> tuple[Weight, ...]:
    """Return the lines of several linear maps and norms of one layer: `names` of theirs, each with the one of ours."""
    return tuple(line for there, here in names.items() for line in affine(f"{theirs}.{there}", f"{ours}.{here}"))


@dataclass(frozen=True)
class Family:
    """One class of transformers.

    name          what a user calls it
    model_type    and `architecture`: their names for it, in config.json
    fields        settings that both sides have
    rules         settings that both sides have, but spell differently
    requires      settings of ours that the class has fixed, with the value it fixed them to; one that also has a
                  Field is read as it stands, but only with this value written
    derived       settings of ours that the class computes from others
    constants     settings of theirs that ours never varies; those a config.json does not mention are taken for granted
    unwritten     more of these, which today's classes do not have, so that they are read and never written
    aliases       second names that the class gives to entries, each with the first one
    harmless      entries without influence on what the model computes, besides those of every class (HARMLESS)
    in_training   settings of theirs that act in training or in generation alone and have no like here: written, and
                  read for an export of an imported model alone
    weights       the tensors
    pairs         their name for the class with a head for pairs of texts; empty = the class has none
    prefix        what stands before the names of tensors where the file is of the whole class, and not where it is of
                  its body alone: "transformer."
    renamed       (regular expression, replacement) for the names that earlier versions gave tensors
    ignored       regular expressions of tensors that hold nothing learned: masks and numbers of positions
    aside         regular expressions of tensors of other heads on the same body, which a model without them leaves out
    copies        tensors that a file may hold a second time, each with its first name
    zeros         tensors that ours have no place for: left out where they are all zero, else refused
    why           for some setting in `requires`: why the class insists
    """

    name: str
    model_type: str
    architecture: str
    fields: tuple[Field, ...]
    requires: Mapping[str, Any]
    weights: tuple[Weight, ...]
    derived: Mapping[str, Callable[[ModelConfig], int]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    unwritten: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()
    in_training: Mapping[str, Any] = field(default_factory=dict)
    pairs: str = ""
    prefix: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    zeros: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def objections(self, config: ModelConfig) -> list[str]:
        """Return what would have to change in `config` for this class to hold it exactly; empty when it does."""
        config = explicit(config)
        found = []
        for name, needed in self._fixed(config).items():
            value = getattr(config, name)
            if value != needed:
                reason = f" ({self.why[name]})" if name in self.why else ""
                found.append(f"model.{name} = {_spell(needed)}, not {_spell(value)}{reason}")
        for item in self.fields:
            value = getattr(config, item.ours)
            if item.values is not None and value not in item.values.values():
                options = " or ".join(dict.fromkeys(map(_spell, item.values.values())))
                found.append(f"model.{item.ours} = {options}, not {_spell(value)}")
            if item.least and value < item.least:
                found.append(f"model.{item.ours} = {item.least} or more, not {value}")
        return found

    def holds(self, config: ModelConfig) -> str | None:
        """Return None when this class computes exactly what `config` does, else what it needs, in words."""
        return ", ".join(self.objections(config)) or None

    def class_of(self, config: ModelConfig) -> str:
        """Return their name of the class that holds a model, by whether it has a head for pairs of texts."""
        return self.pairs if config.pair_head else self.architecture

    def settings(self, config: ModelConfig) -> dict[str, Any]:
        """Return the entries of config.json for a model that this class holds, special ids left out."""
        config = explicit(config)
        named = {item.theirs: item.there(config) for item in self.fields}
        for rule in self.rules:
            named.update(rule.write(config))
        found: dict[str, Any] = {"architectures": [self.class_of(config)], "model_type": self.model_type}
        for place, value in {**named, **self.constants, **self.in_training}.items():
            *path, last = place.split(".")
            inner = found
            for name in path:
                inner = inner.setdefault(name, {})
            inner[last] = value
        return found

    def config(self, settings: Mapping[str, Any]) -> ModelConfig:
        """Return the ModelConfig of a config.json: the same table, read the other way.

        Raises UserError when an entry is missing, unknown to our models or at odds with another.
        """
        settings = self._by_first_names(settings)
        self._refuse_unknown(settings)
        read = {item.ours for item in self.fields}
        found: dict[str, Any] = {name: value for name, value in self.requires.items() if name not in read}
        if self.pairs:
            found["pair_head"] = self.pairs in (settings.get("architectures") or [])
        first: dict[str, Field] = {}
        for item in self.fields:
            value = item.here(settings, found)
            if item.ours != "dropout" and found.get(item.ours, value) != value:
                one, other = first[item.ours].said(settings), item.said(settings)
                raise UserError(
                    f"config.json says {one} and {other}; Hornbook's {self.name} has one setting for both, "
                    f"model.{item.ours}, so it holds only models where the two agree."
                )
            found.setdefault(item.ours, value)
            first.setdefault(item.ours, item)
        for rule in self.rules:
            found.update(rule.read(settings))
        config = self._built(found)
        derived: dict[str, Any] = {name: rule(config) for name, rule in self.derived.items()}
        return explicit(replace(config, **derived))

    def _built(self, found: Mapping[str, Any]) -> ModelConfig:
        """Return the config of our settings; a refusal of one of them also has its name in config.json."""
        try:
            return ModelConfig(**found)
        except UserError as error:
            theirs = [item.theirs for item in self.fields if f"model.{item.ours} " in str(error)]
            raise UserError(f"{error}{f' In config.json that is {theirs[0]}.' if theirs else ''}") from error

    def strangers(self, settings: Mapping[str, Any]) -> int:
        """Return how many entries are missing or have a value without a like in ours."""
        given = [(item, look_up(settings, item.theirs)) for item in self.fields]
        missing = sum(value is None and item.absent is _REQUIRED for item, value in given)
        return missing + sum(
            value is not None and item.values is not None and not any(value == known for known in item.values)
            for item, value in given
        )

    def training_entries(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries of a config.json that act in training alone, such as each rate of dropout, by name."""
        names = {*self.in_training, *(item.theirs for item in self.fields if item.ours == "dropout")}
        return {name: settings[name] for name in sorted(names) if settings.get(name) is not None}

    def _by_first_names(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries with each second name replaced; refuse two names that disagree."""
        found = dict(settings)
        for alias, name in self.aliases.items():
            if alias not in found:
                continue
            value = found.pop(alias)
            if found.setdefault(name, value) != value:
                raise UserError(
                    f"config.json contradicts itself: {alias} = {value!r} and {name} = {found[name]!r}, which are two "
                    f"names of one entry. Take {alias} out if {name} is right."
                )
        return found

    def _refuse_unknown(self, settings: Mapping[str, Any]) -> None:
        """Raise UserError for an entry that no table mentions, or that has another value than ours always has.

        An entry without a value says nothing, unless it takes the place of a value that says something.
        """
        for name, only in {**self.constants, **self.unwritten}.items():
            given = settings.get(name, only)
            if given != only and (given is not None or only):
                raise UserError(f"config.json says {name} = {given!r}; Hornbook's {self.name} has {only!r}.")
        known = {*HARMLESS, *self.harmless, *self.constants, *self.unwritten, *self.in_training}
        known |= {place.partition(".")[0] for item in self.fields for place in (item.theirs, *item.also)}
        known.update(name for rule in self.rules for name in rule.names)
        for name, value in settings.items():
            if name not in known and value is not None:
                raise UserError(
                    f"config.json says {name} = {value!r}, which Hornbook's {self.name} does not know and computes "
                    f"without. If the model computes without it too, take {name} out of config.json."
                )

    def _fixed(self, config: ModelConfig) -> dict[str, Any]:
        """Return every setting that the class does not leave open, with the only value it can hold."""
        free = {item.ours for item in self.fields} | {"dropout", "start"}  # these act in training alone
        free.update(name for rule in self.rules for name in rule.ours)
        if self.pairs:
            free.add("pair_head")
        fixed = {item.name: item.default for item in fields(ModelConfig) if item.name not in free}
        fixed.update(self.requires)
        for name, rule in self.derived.items():
            # Before the model has a size, a derived setting is not known, so nothing can be wrong with it.
            fixed[name] = rule(config) if config.heads else getattr(config, name)
        return fixed


def look_up(settings: Mapping[str, Any], place: str) -> Any:
    """Return the entry at a place such as "rope_parameters.rope_theta", or None where there is none."""
    value: Any = settings
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def all_heads(config: ModelConfig) -> int:
    """Return kv_heads where the class has no grouped heads."""
    return config.heads


def split_width(config: ModelConfig) -> int:
    """Return head_width where the class computes it as width / heads; 0, which nothing equals, if that is not whole."""
    return 0 if config.width % config.heads else config.width // config.heads


def _spell(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
