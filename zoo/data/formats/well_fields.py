"""Fields of a file in The Well's format: channels, constants, and which array fills them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import h5py
import numpy as np

from zoo.data.formats.attributes import flag, listed, texts, units
from zoo.data.formats.recording import FileError
from zoo.data.formats.source import Source
from zoo.data.formats.store import Store

GROUPS = ("t0_fields", "t1_fields", "t2_fields")


@dataclass(frozen=True)
class Fields:
    """What the fields of a file tell; names as in Contents."""

    channels: tuple[str, ...]
    constants: tuple[str, ...]
    sources: tuple[Source, ...]
    units: dict[str, str]
    shape: tuple[int, ...]
    trajectories: int
    frames: int


@dataclass(frozen=True)
class _Field:
    """One data set: its axes as in Source, and the names and indices of its components."""

    item: h5py.Dataset
    axes: tuple[str | int, ...]
    names: tuple[str, ...]
    components: tuple[tuple[int, ...], ...]

    @property
    def varies(self) -> bool:
        return "time" in self.axes

    def size(self, axis: str | int) -> int | None:
        return self.item.shape[self.axes.index(axis)] if axis in self.axes else None


def fields(store: Store, axes: Sequence[str]) -> Fields:
    """The fields of a file whose axes of space are named.

    Raises:
        FileError: there are none, one holds no real numbers, or shapes do not fit together.
    """
    file = store.file
    found: list[_Field] = []
    for rank, name in enumerate(GROUPS):
        group: Any = file.get(name, {})
        for field in listed(group, f"{store.path}: {name}"):
            found.append(_field(group[field], field, rank, axes, store))
    varying = [field for field in found if field.varies]
    if not varying:
        raise FileError(
            f"{store.path} has no field that varies in time; it has "
            f"{[name for field in found for name in field.names]}: steady problems are read by "
            "zoo.data.files.Files"
        )
    shape = tuple(_size(found, place, f"axis {axis}", store) for place, axis in enumerate(axes))
    return _ordered(file, found, shape, store)


def _ordered(file: Any, found: list[_Field], shape: tuple[int, ...], store: Store) -> Fields:
    channels = [name for field in found if field.varies for name in field.names]
    constants = [name for field in found if not field.varies for name in field.names]
    # files of the zoo keep their order of channels, which the groups would change
    for own, attribute in ((channels, "zoo_channels"), (constants, "zoo_constants")):
        order = texts(file.attrs.get(attribute, []))
        if sorted(order) == sorted(own):
            own[:] = order
    places = {name: place for place, name in enumerate([*channels, *constants])}
    if len(places) < len(channels) + len(constants):
        twice = sorted({n for n in (*channels, *constants) if (*channels, *constants).count(n) > 1})
        raise FileError(f"{store.path} has two fields that are called {twice[0]}; rename one")
    marks: dict[str, str] = {}
    sources = []
    for field in found:
        pairs = zip(field.names, units(field.item, len(field.names)), strict=True)
        marks.update({name: unit for name, unit in pairs if unit})
        numbered = tuple(
            (places[name], index) for name, index in zip(field.names, field.components, strict=True)
        )
        place = store.place(str(field.item.name).lstrip("/"))
        sources.append(Source((place,), field.axes, numbered, len(shape)))
    trajectories = file.attrs.get("n_trajectories")
    if trajectories is None or any(field.size("trajectory") for field in found):
        trajectories = _size(found, "trajectory", "n_trajectories", store, trajectories)
    frames = _size(found, "time", "axis time", store)
    return Fields(
        tuple(channels), tuple(constants), tuple(sources), marks, shape, int(trajectories), frames
    )


def _size(found: list[_Field], axis: str | int, what: str, store: Store, stated: Any = None) -> int:
    sizes = {str(f.item.name): size for f in found if (size := f.size(axis)) is not None}
    if stated is not None:
        sizes["the attribute"] = int(stated)
    if len(set(sizes.values())) != 1:
        raise FileError(
            f"{store.path}: the fields do not agree on {what}: {sizes or 'none has it'}; write the "
            "file again, or leave the odd ones out"
        )
    return next(iter(sizes.values()))


def _field(item: Any, name: str, rank: int, axes: Sequence[str], store: Store) -> _Field:
    if item.dtype.kind not in "fiub":
        raise FileError(
            f"{store.path}: {item.name} holds {item.dtype}; a field holds real numbers: store real "
            "and imaginary parts as two fields"
        )
    used = np.broadcast_to(item.attrs.get("dim_varying", True), (len(axes),))
    own: list[str | int] = ["trajectory"] if flag(item, "sample_varying", True) else []
    own += ["time"] if flag(item, "time_varying", True) else []
    own += [place for place, varies in enumerate(used) if varies]
    flat = rank == 2 and item.ndim == len(own) + 1 and item.shape[-1] == len(axes) ** 2
    own += ["component"] * (1 if flat else rank)
    if item.ndim != len(own) or set(item.shape[len(own) - rank + flat :]) - {
        len(axes),
        len(axes) ** 2 if flat else len(axes),
    }:
        raise FileError(
            f"{store.path}: {item.name} has shape {tuple(item.shape)}; its attributes and rank ask "
            f"for the axes {own}, with {len(axes)} components each: mend the attributes "
            "sample_varying, time_varying and dim_varying"
        )
    indices = [index for index in product(range(len(axes)), repeat=rank) if _given(item, index)]
    names = [f"{name}_{''.join(axes[i] for i in index)}" if index else name for index in indices]
    if flat:
        indices = [(i * len(axes) + j,) for i, j in indices]
    return _Field(item, tuple(own), tuple(names), tuple(indices))


def _given(item: Any, index: tuple[int, ...]) -> bool:
    """Whether a component is one of those that a symmetry leaves independent."""
    if len(index) < 2:
        return True
    if flag(item, "symmetric", False):
        return index[0] <= index[1]
    return index[0] < index[1] if flag(item, "antisymmetric", False) else True
