"""The empty file in The Well's format that a description asks for, and where its fields lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from zoo.data.formats import well_boundary
from zoo.data.formats.recording import Contents
from zoo.data.formats.well import UNKNOWN
from zoo.data.formats.well_fields import GROUPS

AXES = "xyz"


@dataclass(frozen=True)
class Room:
    """A data set of a field: the inputs that are its components, and where it begins.

    Args:
        name: its path in the file.
        inputs: numbers of its components among `contents.inputs`, the last index fastest.
        varies: whether it varies in time.
        rank: of the tensor.
        offset: byte at which it begins.
    """

    name: str
    inputs: tuple[int, ...]
    varies: bool
    rank: int
    offset: int = 0


def rooms(contents: Contents) -> list[Room]:
    """Channels and constants gathered into tensors, in the file's order.

    v_x, v_y in two dimensions are a vector v, s_xx, s_xy, s_yx, s_yy a tensor; without s_yx it is
    symmetric. Whatever is not complete stays a scalar of its own name.
    """
    found: list[Room] = []
    for names, varies in ((contents.channels, True), (contents.constants, False)):
        start = 0 if varies else len(contents.channels)
        places = {name: start + i for i, name in enumerate(names)}
        left = list(names)
        for rank in (2, 1):
            for stem in dict.fromkeys(name.rpartition("_")[0] for name in names):
                members = _members(stem, rank, places, len(contents.shape))
                if stem and members and {*members} <= {*left} and stem not in names:
                    inputs = tuple(places[name] for name in members)
                    found.append(Room(f"{GROUPS[rank]}/{stem}", inputs, varies, rank))
                    left = [name for name in left if name not in members]
        scalars = [Room(f"{GROUPS[0]}/{n}", (places[n],), varies, 0) for n in left]
        found += scalars
    return found


def _members(stem: str, rank: int, places: Mapping[str, int], dimension: int) -> list[str]:
    indices = ["".join(index) for index in product(AXES[:dimension], repeat=rank)]
    full = [f"{stem}_{index}" for index in indices]
    if all(name in places for name in full):
        return full
    folded = [f"{stem}_{''.join(sorted(index))}" for index in indices]
    strange = [name for name in full if name not in folded and name in places]
    return folded if all(name in places for name in folded) and not strange else []


def create(path: Path, contents: Contents, attributes: Mapping[str, Any]) -> list[Room]:
    """Write the file without its fields' values, for which there is room; where each lies.

    Every data set lies in one piece at a place that is known, so that frames are written as plain
    bytes: HDF5, which cannot close a file whose disk is full, has no part in that.

    Args:
        path: the file.
        contents: what it is to hold.
        attributes: texts and numbers for the root.
    """
    axes = AXES[: len(contents.shape)]
    with h5py.File(path, "w") as file:
        file.attrs.update(dict(attributes))
        file.attrs["dataset_name"] = str(attributes.get("dataset_name", contents.path.stem))
        file.attrs["grid_type"], file.attrs["simulation_parameters"] = "cartesian", []
        file.attrs["n_spatial_dims"] = len(axes)
        file.attrs["n_trajectories"] = contents.trajectories
        file.attrs["zoo_channels"] = list(contents.channels)
        file.attrs["zoo_constants"] = list(contents.constants)
        if contents.boundary is not None:
            file.attrs["zoo_boundary"] = contents.boundary
        _dimensions(file.create_group("dimensions"), contents, axes)
        sides = dict(zip(axes, contents.shape, strict=True))
        well_boundary.write(file.create_group("boundary_conditions"), contents.boundary, sides)
        scalars = file.create_group("scalars")
        scalars.attrs["field_names"] = list(contents.coefficients)
        found = [_column(scalars, name, contents) for name in contents.coefficients]
        for group in GROUPS:
            own = [room for room in rooms(contents) if room.name.startswith(group)]
            file.create_group(group).attrs["field_names"] = [r.name.split("/", 1)[1] for r in own]
            found += [_field(file, room, contents, len(axes)) for room in own]
    return found


def _dimensions(group: Any, contents: Contents, axes: Sequence[str]) -> None:
    group.attrs["spatial_dims"] = list(axes)
    origin = contents.origin or (0.0,) * len(axes)
    box = contents.box or contents.shape
    steps = [side / n for side, n in zip(box, contents.shape, strict=True)]
    grids = zip(axes, contents.shape, origin, steps, contents.box or axes, strict=True)
    for axis, points, start, step, known in grids:
        group[axis] = start + step * np.arange(points)
        if known == axis:
            group[axis].attrs["units"] = UNKNOWN
    group["time"] = (contents.dt or 1.0) * np.arange(contents.frames)
    if contents.dt is None:
        group["time"].attrs["units"] = UNKNOWN
    for name in ("time", *axes):
        group[name].attrs["sample_varying"] = group[name].attrs["time_varying"] = False


def _early(group: Any, name: str, shape: tuple[int, ...], dtype: type) -> Any:
    """A data set in one piece, with its room taken at once and not filled."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_layout(h5py.h5d.CONTIGUOUS)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space, kind = h5py.h5s.create_simple(shape), h5py.h5t.py_create(np.dtype(dtype))
    h5py.h5d.create(group.id, name.encode(), kind, space, made)
    return group[name]


def _column(scalars: Any, name: str, contents: Contents) -> Room:
    item = _early(scalars, name, (contents.trajectories,), np.float64)
    item.attrs["sample_varying"], item.attrs["time_varying"] = True, False
    if name in contents.units:
        item.attrs["units"] = contents.units[name]
    return Room(f"scalars/{name}", (), False, 0, int(item.id.get_offset()))


def _field(file: Any, room: Room, contents: Contents, dimension: int) -> Room:
    frames = (contents.frames,) if room.varies else ()
    shape = (contents.trajectories, *frames, *contents.shape, *(dimension,) * room.rank)
    group, _, name = room.name.partition("/")
    item = _early(file[group], name, shape, np.float32)
    item.attrs["dim_varying"] = [True] * dimension
    item.attrs["sample_varying"], item.attrs["time_varying"] = True, room.varies
    if room.rank == 2:
        item.attrs["symmetric"] = len(set(room.inputs)) < dimension**2
        item.attrs["antisymmetric"] = False
    marks = [contents.units.get(contents.inputs[i], "") for i in room.inputs]
    if any(marks):
        item.attrs["units"] = marks[0] if len(set(marks)) == 1 else marks
    return Room(room.name, room.inputs, room.varies, room.rank, int(item.id.get_offset()))
