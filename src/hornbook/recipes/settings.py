"""Settings: a Recipe as nested plain values, as a TOML file and as `a.b=c` overrides; all derived from its dataclasses.

    Recipe <-> {"seed": 0, "objective": {"kind": "masked", ...}, "data": {...}, ...} <-> recipe.toml

Nothing is listed twice: names, types and defaults come from the fields, help from the `name   help` lines of the
classes' docstrings. A key that does not exist is refused at every level, with the nearest one that does.
"""

from __future__ import annotations

import difflib
import typing
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from hornbook import __version__
from hornbook.artifacts import write_file
from hornbook.errors import Notice, UserError, nearest
from hornbook.objectives.base import Objective
from hornbook.objectives.catalogue import CATALOGUE, build, kind_of, settings, settings_of
from hornbook.objectives.catalogue import plain as objective_value
from hornbook.recipes.recipe import Recipe, default_model
from hornbook.schema import NONE, Seed, leaf, leaves, plain, read_recipe, wanted
from hornbook.vocab import EMPTY

RECIPE = "recipe.toml"  # the name of the file in a run
# Settings that had another name in version 0.1.0, by that name; they are still read, with a warning.
RENAMED: Mapping[str, str] = {
    "training.matrix_rate": "training.muon_learning_rate",
    "model.types": "model.token_types",
    "model.judge": "model.rtd_head",
}
# What other tools call a setting, whatever its section.
ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("lr", "peak_lr", "max_lr"), "training.learning_rate"),
    **dict.fromkeys(("min_lr", "min_lr_ratio"), "training.final_rate"),
    **dict.fromkeys(("batch_size", "global_batch_size", "train_batch_size"), "training.batch_rows"),
    **dict.fromkeys(("micro_batch_size", "per_device_train_batch_size"), "training.micro_batch"),
    **dict.fromkeys(("steps", "max_steps", "num_steps", "train_steps"), "budget.steps"),
    **dict.fromkeys(("epochs", "num_epochs", "num_train_epochs", "max_epochs"), "budget.epochs"),
    **dict.fromkeys(("tokens", "max_tokens", "num_tokens"), "budget.tokens"),
    **dict.fromkeys(("gradient_accumulation_steps", "grad_accum"), "training.micro_batch"),
    **dict.fromkeys(("eval_steps", "eval_interval", "eval_every"), "training.evaluate_every"),
    **dict.fromkeys(("save_steps", "save_interval", "checkpoint_every"), "training.checkpoint_minutes"),
    **dict.fromkeys(("save_total_limit", "keep_last"), "training.keep_checkpoints"),
    **dict.fromkeys(("max_grad_norm", "grad_clip", "clip_grad"), "training.clip"),
    **dict.fromkeys(("warmup_steps", "warmup_ratio", "num_warmup_steps"), "training.warmup"),
    **dict.fromkeys(("lr_scheduler", "lr_scheduler_type", "scheduler", "lr_schedule"), "training.schedule"),
    **dict.fromkeys(("wd", "l2"), "training.weight_decay"),
    **dict.fromkeys(("optim", "optimizer_type"), "training.optimizer"),
    **dict.fromkeys(("seq_len", "seq_length", "sequence_length", "block_size"), "training.row_length"),
    **dict.fromkeys(
        ("context", "context_length", "context_size", "max_position_embeddings", "max_seq_len", "max_len"),
        "model.max_length",
    ),
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim"), "model.width"),
    **dict.fromkeys(("num_layers", "n_layer", "n_layers", "num_hidden_layers"), "model.layers"),
    **dict.fromkeys(("num_heads", "n_head", "n_heads", "num_attention_heads"), "model.heads"),
    **dict.fromkeys(("num_kv_heads", "num_key_value_heads"), "model.kv_heads"),
    **dict.fromkeys(("d_ff", "intermediate_size", "ffn_dim", "ffn", "n_inner"), "model.mlp_width"),
    **dict.fromkeys(
        ("rate", "mlm_probability", "mask_prob", "mask_probability", "mask_ratio", "mask_rate", "masking_rate"),
        "objective.rate",
    ),
    **dict.fromkeys(("noise_density", "corruption_rate"), "objective.density"),
    **dict.fromkeys(("mean_noise_span_length", "mean_span_length"), "objective.mean_span"),
    **dict.fromkeys(("data", "dataset", "train_file", "data_path", "text", "files"), "data.paths"),
    **dict.fromkeys(("vocab_size", "vocab", "vocabulary_size", "num_merges"), "tokenizer.size"),
    **dict.fromkeys(("val_fraction", "validation_split", "val_split", "eval_split"), "data.held_out"),
    **dict.fromkeys(("report_to", "tracker", "trackers", "wandb", "tensorboard"), "logging.trackers"),
    **dict.fromkeys(("gradient_checkpointing", "activation_checkpointing"), "training.checkpoint_activations"),
    **dict.fromkeys(("adam_epsilon", "eps"), "training.epsilon"),
    **dict.fromkeys(("dtype", "torch_dtype", "bf16", "fp16", "fp32", "amp", "mixed_precision"), "training.precision"),
    **dict.fromkeys(("attention_dropout", "hidden_dropout", "resid_pdrop"), "model.dropout"),
    "adam_beta1": "training.beta1",
    "adam_beta2": "training.beta2",
    "torch_compile": "training.compile",
    "objective": "objective.kind",
    "tokenizer": "tokenizer.kind",
    "tokenizer_file": "tokenizer.file",
    "mix": "mix.rule",
    "schedule": "training.schedule",
    "random_seed": "seed",
}
# What is no setting but an option of `pretrain`.
_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("out", "output", "output_dir", "out_dir", "run_dir"), "--out DIRECTORY"),
    **dict.fromkeys(("device", "devices", "gpus", "num_gpus", "nproc_per_node", "num_processes"), "--devices NUMBER"),
    **dict.fromkeys(("model", "model_name", "model_size", "size", "recipe", "preset"), "--recipe NAME"),
    **dict.fromkeys(("from", "init_from", "base_model", "model_name_or_path", "pretrained"), "--from MODEL"),
    **dict.fromkeys(("resume", "resume_from_checkpoint"), "--resume RUN"),
}
SECTIONS: Mapping[str, Any] = {name: cls for name, cls in typing.get_type_hints(Recipe).items() if is_dataclass(cls)}
# What a model keeps when its topology changes: its size is the user's choice, its block is the topology's.
_SIZES = ("max_length", "width", "layers", "heads", "head_width", "mlp_width", "dropout")


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as nested dicts of str, int, float, bool and lists; the objective's vocabulary is left out."""
    result: dict[str, Any] = {"seed": recipe.seed, "objective": {"kind": kind_of(recipe.objective)}}
    result["objective"] |= settings(recipe.objective)
    for name, cls in SECTIONS.items():
        result[name] = {item.name: plain(getattr(getattr(recipe, name), item.name)) for item in fields(cls)}
    return result


def from_dict(data: Mapping[str, Any]) -> Recipe:
    """Return the recipe that `data` describes; what is absent has its default, the model's block that of its topology.

    Raises UserError that names the dotted key of a setting that does not exist or has the wrong type.
    """
    data = _renamed(data)
    _refuse_unknown(data)
    objective = _objective(_section(data, "objective"))
    values = {name: _values(cls, _section(data, name), name) for name, cls in SECTIONS.items()}
    model = replace(default_model(objective), **values.pop("model"))
    given = {name: SECTIONS[name](**found) for name, found in values.items() if found}
    return Recipe(objective=objective, model=model, seed=leaf(Seed, data.get("seed", 0), "seed"), **given)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file. Raises UserError that names the file, and the line or the key."""
    return read_recipe(path, from_dict)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe with every setting spelled out, so that the file alone tells and repeats the run."""
    import tomli_w

    header = f"# A run of Hornbook {__version__}, every setting. Repeat it: hornbook pretrain {path.name}\n\n"
    try:
        content = (header + tomli_w.dumps(to_dict(recipe))).encode()
    except UnicodeEncodeError as error:
        raise UserError("A path in data.paths, start.path or tokenizer.file is not Unicode: rename it.") from error
    write_file(path, content)


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """Return the recipe with `name=value` settings changed, later ones winning; lists are separated by commas.

    - Another `objective.kind` starts from that objective's defaults; where its topology differs too, the model becomes
      that topology's default block and keeps its size. A block of the user's own stays within its topology, and gets or
      loses the head for pairs.
    - One `budget.` setting replaces whatever the budget was.
    """
    given: dict[str, str] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"'{text}' is not a setting: write name=value, as in training.batch_rows=64.")
        given[current_name(name.strip())] = value.strip()
    data = to_dict(recipe)
    table = data["objective"]
    told = [name for name in given if name.startswith("objective.")]
    for name in sorted(told, key=lambda name: name.count(".") - name.endswith(".kind")):
        kind = name if name.endswith(".kind") else f"{name}.kind"
        if kind == name or _objective_hints(table, "objective").get(name) is Objective:
            given[kind] = given.pop(name)
            _exchange(table, kind, given[kind])
    hints = _hints(table)
    for name in given:
        if name not in hints:
            raise _unknown(name, hints)
    if any(name.startswith("budget.") for name in given):
        data["budget"] = {}
    changes: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        section, _, leaf = name.rpartition(".")
        if section.partition(".")[0] == "objective":
            _inner(table, section)[leaf] = value
        else:
            changes.setdefault(section, {})[leaf] = value
    objective = _objective(table)
    before, after = default_model(recipe.objective), default_model(objective)
    if before != after:
        sizes = {name: data["model"][name] for name in _SIZES}
        own = replace(before, **sizes, vocab_size=recipe.model.vocab_size) != recipe.model
        if own and before.topology == after.topology:
            types = max(recipe.model.token_types, after.token_types)
            data["model"] |= {"pair_head": after.pair_head, "token_types": types}
        else:
            data["model"] = sizes
        if recipe.model.max_length == before.max_length:
            data["model"]["max_length"] = after.max_length
    data |= changes.pop("", {})
    for section, values in changes.items():
        data[section] |= values
    return from_dict(data)


def written(value: object) -> str:
    """Return a value as one writes it on the command line: lists separated by commas, true and false in lower case."""
    if isinstance(value, list | tuple):
        return ",".join(map(written, value))
    return str(value).lower() if isinstance(value, bool) else NONE if value is None else str(value)


def is_setting(name: str) -> bool:
    """Say whether `name` is a setting under any objective."""
    return name in RENAMED or any(name in _hints({"kind": kind}) for kind in CATALOGUE)


def type_of(name: str, kind: str) -> Any:
    """Return the type of a setting under an objective; None where it has no such setting."""
    return _hints({"kind": kind}).get(RENAMED.get(name, name))


def current_name(name: str) -> str:
    """Return the present name of a setting; warn where `name` is the old one."""
    if name in RENAMED:
        warnings.warn(f"The setting {name} is now called {RENAMED[name]}.", Notice, stacklevel=2)
    return RENAMED.get(name, name)


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of a recipe with present names in place of old ones."""
    result = dict(data)
    for name in RENAMED:
        section, _, leaf = name.partition(".")
        if isinstance(table := result.get(section), Mapping) and leaf in table:
            new = current_name(name).partition(".")[2]
            result[section] = {new if item == leaf else item: value for item, value in table.items()}
    return result


def _hints(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the type of every dotted setting under the objective that `table` describes."""
    result = _objective_hints(table, "objective")
    for section, cls in SECTIONS.items():
        result |= {f"{section}.{item.name}": hint for item, hint in leaves(cls)}
    return result | {"seed": Seed}


def _objective_hints(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the type of every setting of an objective, and of the objective inside it; `name` is its dotted name."""
    kind = leaf(str, table.get("kind", "causal"), f"{name}.kind")
    result: dict[str, Any] = {f"{name}.kind": str} | ({f"{name}.source": str} if ":" in kind else {})
    for item, hint in settings_of(kind):
        result[f"{name}.{item.name}"] = hint
        if hint is Objective:
            result |= _objective_hints(_nested(table, item), f"{name}.{item.name}")
    return result


def _nested(table: Mapping[str, Any], item: Field[Any]) -> dict[str, Any]:
    """Return the table of the objective inside another, that of the default where it is not given."""
    given = table.get(item.name, default_of(item))
    return dict(given) if isinstance(given, Mapping) else {"kind": given}


def _inner(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the table that a dotted name such as objective.objective means, within that of `objective`."""
    for part in name.split(".")[1:]:
        item = next((one for one, hint in settings_of(table["kind"]) if one.name == part and hint is Objective), None)
        if item is None:
            raise UserError(f"There is no setting '{name}'.")
        table[part] = _nested(table, item)
        table = table[part]
    return table


def _exchange(table: dict[str, Any], name: str, kind: str) -> None:
    """Put another objective, with its defaults, where the dotted name of a kind says; leave one of that kind alone."""
    inner = _inner(table, name.rpartition(".")[0])
    if inner["kind"] != kind:
        inner.clear()
        inner["kind"] = kind


def _refuse_unknown(data: Mapping[str, Any]) -> None:
    """Refuse the first key of `data` that is no section and no setting."""
    hints = _hints(_section(data, "objective"))
    sections = {name.partition(".")[0] for name in hints}
    for section, content in data.items():
        if section not in sections:
            raise _unknown(section, [*sections, *hints])
        if section not in hints:
            for name in _dotted(_section(data, section), section, hints):
                if name not in hints:
                    raise _unknown(name, hints)
        elif isinstance(content, Mapping):
            raise UserError(f"{section} must be {wanted(hints[section])}, not a table.")


def _dotted(table: Mapping[str, Any], section: str, hints: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dotted name of every value, those of an objective inside another included."""
    for item, value in table.items():
        yield f"{section}.{item}"
        if isinstance(value, Mapping) and hints.get(f"{section}.{item}") is Objective:
            yield from _dotted(value, f"{section}.{item}", hints)


def _unknown(name: str, valid: Iterable[str]) -> UserError:
    """Return the error for a setting that does not exist: same name elsewhere, else the nearest beside it."""
    section, _, leaf = name.rpartition(".")
    valid = list(valid)
    if (here := ALIASES.get(leaf.lower())) in valid:
        return UserError(f"There is no setting '{name}'; it is called '{here}' here.")
    if here:
        kinds = [kind for kind in CATALOGUE if here in _objective_hints({"kind": kind}, "objective")]
        return UserError(
            f"There is no setting '{name}' under this objective; it is called '{here}' and belongs to the objectives "
            f"{', '.join(kinds)}."
        )
    if not section and leaf.lower() in _OPTIONS:
        return UserError(f"There is no setting '{name}': use the option {_OPTIONS[leaf.lower()]}.")
    twins = [other for other in valid if other.rpartition(".")[2] == leaf]
    siblings = [other for other in valid if other.rpartition(".")[0] == section]
    if twins:
        hint = f" Did you mean '{twins[0]}'?" if len(twins) == 1 else nearest(name, twins)
    elif section and siblings:
        hint = nearest(name, siblings)
    elif section:
        hint = nearest(section, {other.partition(".")[0] for other in valid})
    else:
        leaves_of = {other.rpartition(".")[2]: other for other in valid}
        close = difflib.get_close_matches(leaf, leaves_of, n=1)
        hint = f" Did you mean '{leaves_of[close[0]]}'?" if close else " `hornbook settings` lists all."
    return UserError(f"There is no setting '{name}'.{hint}")


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return one table of a recipe, empty when absent."""
    content = data.get(name, {})
    if not isinstance(content, Mapping):
        raise UserError(f"{name} must be a table ([{name}] in a file), not {content!r}.")
    return content


def _objective(data: Mapping[str, Any]) -> Objective:
    """Build an objective from its table, without a vocabulary."""
    return build(data.get("kind", "causal"), {name: item for name, item in data.items() if name != "kind"}, EMPTY)


def _values(cls: type[Any], data: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return the given values of one section, each checked against its field's type."""
    given = [(item.name, hint) for item, hint in leaves(cls) if item.name in data]
    return {name: leaf(hint, data[name], f"{section}.{name}") for name, hint in given}


def default_of(item: Field[Any]) -> Any:
    """Return a field's default as TOML has it."""
    return plain(objective_value(item.default_factory() if item.default_factory is not MISSING else item.default))
