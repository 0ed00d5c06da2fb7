"""A release beside a file: which of its channels the file has, and the data block of a recipe."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zoo import release, shelf
from zoo.data import arrays
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents, Recording, Told
from zoo.models import base
from zoo.models.base import Interface
from zoo.reading import Mistake, near

FILES = "zoo.data.files.Files"
RECORDED = "zoo.data.recorded.Recorded"
Shares = tuple[float, float, float]
"""Of the samples, for training, validation and test."""


@dataclass(frozen=True)
class Match:
    """Which channels and coefficients of a file a release has.

    Args:
        contents: what the file holds, under the release's names.
        told: how a recipe must read it.
        shared: channels and coefficients that both have.
        new: those of the file alone.
        unused: those of the release alone.
        notes: what differs, a sentence each.
    """

    contents: Contents
    told: Told
    shared: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        groups = {"shared": self.shared, "new": self.new, "unused": self.unused}
        lines = [f"{name:<8} {', '.join(group) or 'nothing'}" for name, group in groups.items()]
        return "\n".join([*lines, *(f"note     {note}" for note in self.notes)])


def interface(model: str | Path) -> Interface:
    """What goes into a release of a map of fields and comes out, from its JSON alone.

    Raises:
        Mistake: the release is a function of points, or of spins.
    """
    described = release.describe(release.resolve(model))["model"]
    want = base.interface(described["init_args"]["interface"])
    if want.region or want.colours:
        kind = described["class_path"].rpartition(".")[2]
        raise Mistake(
            f"{model} is a {kind}, no map from fields to fields, which files hold; fine-tune it by "
            "a recipe of its own kind of data with model.init_from, or call it from Python"
        )
    return want


def match(want: Interface, file: Path, told: Told | None = None, *, new: bool = False) -> Match:
    """Lay a file of trajectories beside what a model of fields in time takes, by name and unit.

    Args:
        want: the model's interface.
        file: any file that `zoo.data.formats` reads.
        told: what the user says of it.
        new: keep channels and varying coefficients that the model does not have.

    Raises:
        Mistake: nothing is shared, a unit differs, or space has another dimension.
    """
    told = told if told is not None else Told()
    recording = opened(str(file), told)
    try:
        found, varying = recording.contents, _varying(recording)
    finally:
        recording.close()
    if len(found.shape) != want.dimension:
        raise Mistake(
            f"{file} has {len(found.shape)} space axes, grid {found.shape}; the model has "
            f"{want.dimension}: choose a release of that dimension (zoo list --dimension)"
        )
    shared = tuple(name for name in want.inputs if name in found.inputs)
    if not shared or not set(want.outputs) & set(found.channels):
        raise Mistake(_nothing_shared(want, found, file))
    _check_units(want, found, file)
    extra = tuple(name for name in found.inputs if name not in want.inputs) if new else ()
    known = tuple(name for name in want.coefficients if name in found.coefficients)
    more = tuple(n for n in varying if n not in want.coefficients) if new else ()
    names = (*shared, *extra, *known, *more)
    return Match(
        contents=found,
        told=_full(want, found, told, (*shared, *extra), (*known, *more)),
        shared=(*shared, *known),
        new=(*extra, *more),
        unused=tuple(n for n in (*want.inputs, *want.coefficients) if n not in names),
        notes=tuple(_notes(want, found)),
    )


def _varying(recording: Recording) -> tuple[str, ...]:
    """Coefficients that differ between trajectories: a net learns nothing from the others."""
    values = recording.coefficients()
    names = recording.contents.coefficients
    return tuple(n for n, column in zip(names, values.T, strict=True) if column.std() > 0)


def _nothing_shared(want: Interface, found: Contents, file: Path) -> str:
    hint = f"{found.channels[0]}={want.outputs[0]}"
    return (
        f"{file} has the channels {list(found.inputs)}, the model {list(want.inputs)} and gives "
        f"{list(want.outputs)}: none is shared{near(found.channels[0], want.inputs, 'meant')}; say "
        f"which is which with --rename FILE_NAME=MODEL_NAME, such as --rename {hint}"
    )


def _check_units(want: Interface, found: Contents, file: Path) -> None:
    for name in (*found.inputs, *found.coefficients):
        stated, known = found.units.get(name), want.units.get(name)
        if stated is not None and known is not None and stated != known:
            raise Mistake(
                f"{name} is in {stated!r} in {file} and in {known!r} in the model: the zoo does "
                f"not convert; scale the file, or, if the numbers are in {known!r} all the same, "
                f"say --unit {name}={known}, or take it for a channel of its own by --rename "
                f"{name}=another_name"
            )


def _full(
    want: Interface,
    found: Contents,
    told: Told,
    channels: tuple[str, ...],
    coefficients: tuple[str, ...],
) -> Told:
    """What is told, and of the model's what neither the user nor the file says."""
    units = {
        name: found.units.get(name, want.units.get(name, "1"))
        for name in (*channels, *coefficients)
    }
    return dataclasses.replace(
        told,
        channels=channels,
        coefficients=coefficients,
        units=units,
        box=found.box if found.box is not None else want.box,
        boundary=found.boundary if found.boundary is not None else want.boundary,
        dt=found.dt if found.dt is not None else want.dt,
    )


def _notes(want: Interface, found: Contents) -> list[str]:
    notes = []
    for name, title in (("box", "box"), ("dt", "time step"), ("boundary", "boundary")):
        mine, theirs = getattr(want, name), getattr(found, name)
        if theirs is None:
            notes.append(f"the file states no {title}; the model's is taken: {mine}")
        elif not _same(mine, theirs):
            notes.append(f"{title} {theirs} in the file, {mine} in the model")
    silent = [name for name in found.inputs if name not in found.units and name in want.units]
    if silent:
        notes.append(f"the file states no unit of {', '.join(silent)}; the model's are taken")
    return [*notes, *found.notes]


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return abs(mine - theirs) <= 1e-6 * abs(mine)
    if isinstance(mine, tuple):
        return len(mine) == len(theirs) and all(map(_same, mine, map(float, theirs)))
    return mine == theirs


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
