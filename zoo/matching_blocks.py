"""The data block of a recipe for a file that a release is to learn from or be measured on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from zoo import shelf
from zoo.data import arrays
from zoo.data.formats.recording import Told
from zoo.matching import Match, interface, match
from zoo.models.base import Interface

FILES = "zoo.data.files.Files"
RECORDED = "zoo.data.recorded.Recorded"
Shares = tuple[float, float, float]
"""Of the samples, for training, validation and test."""


def block(told: Told) -> dict[str, Any]:
    """What is told as plain values for a recipe, without what is not."""
    plain = {k: v for k, v in dataclasses.asdict(told).items() if v not in (None, {}, ())}
    if told.coefficients == ():
        plain["coefficients"] = []
    return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def recorded(
    file: Path, found: Match, batch: int, shares: Shares, window: Mapping[str, Any]
) -> dict[str, Any]:
    """The data block of trajectories in a file, with windows cut from them."""
    train_share, validation, test = shares
    arguments = {
        "path": str(file),
        "told": block(found.told),
        "train": train_share,
        "validation": validation,
        "test": test,
    }
    size = max(1, min(batch, int(found.contents.trajectories * (train_share or test))))
    return {
        "class_path": "zoo.data.mixture.Mixture",
        "init_args": {
            "sets": [{"class_path": RECORDED, "init_args": arguments}],
            "batch_size": size,
            "window": dict(window),
        },
    }


def data(model: str, file: Path, batch: int, shares: Shares) -> dict[str, Any]:
    """The data block of a file with the channels of a release; of trajectories, one pass each."""
    want = interface(model)
    if want.dt is None:
        return _steady(want, file, batch, shares)
    found = match(want, file)
    window = {"history": want.history, "horizon": want.horizon, "offset": want.offset}
    return recorded(file, found, batch, shares, window)


def _steady(want: Interface, file: Path, batch: int, shares: Shares) -> dict[str, Any]:
    with arrays.opened(file, want.inputs[0]) as found:
        names = set(found)
        samples = max((len(item) for item in found.values() if item.ndim), default=0)
    missing = [name for name in (*want.inputs, *want.outputs) if name not in names]
    if missing:
        channels = f"inputs {list(want.inputs)} and outputs {list(want.outputs)}"
        told = f"it has {sorted(names)}, the model has {channels}"
        raise ValueError(f"{file} has no array {missing[0]!r}; {told}")
    absent = [name for name in want.coefficients if name not in names]
    if absent:
        print(f"{file} has no {', '.join(absent)}: taken as absent (zero), as in a mixture")
    kept = [n for n in want.coefficients if n in names]
    known = (*want.inputs, *want.outputs, *kept)
    units = {name: unit for name, unit in want.units.items() if name in known}
    own = dataclasses.asdict(dataclasses.replace(want, coefficients=tuple(kept), units=units))
    train_share, validation, test = shares
    arguments = {
        "path": str(file),
        "interface": {k: list(v) if isinstance(v, tuple) else v for k, v in own.items()},
        "train": train_share,
        "validation": validation,
        "test": test,
    }
    small = max(1, min(batch, int(samples * (train_share or test))))
    sets = [{"class_path": FILES, "init_args": arguments}]
    return {
        "class_path": "zoo.data.mixture.Mixture",
        "init_args": {"sets": sets, "batch_size": small},
    }


def written(recipe: dict[str, Any], folder: Path, command: str, name: str = "recipe.yaml") -> Path:
    """Print a recipe and keep it; where it lies."""
    text = f"# {command}\n" + yaml.safe_dump(recipe, sort_keys=False)
    print(text, flush=True)
    with shelf.atomic_write(folder / name) as part:
        part.write_text(text)
    return folder / name
