"""A release beside a file: which of its channels and coefficients the file has."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import release
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents, Recording, Told
from zoo.models import base
from zoo.models.base import Interface
from zoo.reading import Mistake, near


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
