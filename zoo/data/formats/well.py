from typing import Any, ClassVar

import numpy as np

from zoo.data.formats import coordinates, well_boundary, well_fields
from zoo.data.formats.attributes import flag, listed, numbers, plain, texts, units
from zoo.data.formats.layout import Layout
from zoo.data.formats.recording import Contents, FileError, Told
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store

UNKNOWN = "index"
"""Unit of coordinates that only count the points or frames: box or dt are not known."""


class Well(Layout):
    """The Well's files: HDF5 with a group for each rank of tensor.

    Root attributes `n_trajectories`, `grid_type` (Cartesian only), `simulation_parameters`. Group
    `dimensions` with the names `spatial_dims`, their coordinates and `time`. Groups `t0_fields`,
    `t1_fields`, `t2_fields`: data sets (trajectories, time, *n, components), each axis but the
    components' present or not as `sample_varying`, `time_varying`, `dim_varying` say. A vector
    becomes channels v_x, v_y; a tensor s_xx, s_xy, ..., with components that its attributes
    `symmetric` or `antisymmetric` make redundant left out. Fields without time are constants.
    `scalars` become coefficients, `boundary_conditions` a text; `units` is read where it is there.

    Source: The Well (Ohana et al., NeurIPS 2024), data format of the package the_well 1.2.0.
    """

    name: ClassVar[str] = "The Well"

    def fits(self, store: Store) -> bool:
        """As in Layout."""
        return store.kind == "HDF5" and any(group in store.file for group in well_fields.GROUPS)

    def open(self, store: Store, told: Told) -> Sourced:
        """As in Layout."""
        file, path = store.file, store.path
        axes = spatial(file, store)
        kind = str(plain(file.attrs.get("grid_type", "cartesian")))
        if kind.lower() != "cartesian":
            raise FileError(
                f"{path} has grid_type {kind!r}; models take Cartesian grids: interpolate the "
                "fields onto one first"
            )
        found = well_fields.fields(store, axes)
        origin, box = (None, None) if told.box else _space(file, axes, found.shape, store)
        names, columns, marks, notes = _scalars(file, found.trajectories)
        boundary, more = well_boundary.read(file.get("boundary_conditions", {}), axes)
        contents = Contents(
            path=path,
            layout=self.name,
            channels=found.channels,
            constants=found.constants,
            coefficients=names,
            shape=found.shape,
            trajectories=found.trajectories,
            frames=found.frames,
            box=box,
            boundary=str(plain(file.attrs.get("zoo_boundary", boundary))) if boundary else None,
            dt=None if told.dt else _dt(file, found.frames, store),
            units={**found.units, **marks},
            origin=origin,
            notes=(*notes, *more),
        )
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        return Sourced(store, contents, sources=found.sources, table=columns, attributes=attributes)


def spatial(file: Any, store: Store) -> list[str]:
    """The names of the axes of space.

    Raises:
        FileError: the file does not name them.
    """
    if "dimensions" not in file or "spatial_dims" not in file["dimensions"].attrs:
        raise FileError(
            f"{store.path} has fields as in The Well, but no group `dimensions` with the attribute "
            "`spatial_dims`, so its coordinates are missing; add them, or describe its arrays by a "
            "layout file"
        )
    return texts(file["dimensions"].attrs["spatial_dims"])


def _same(item: Any, axis: str, store: Store) -> np.ndarray:
    values = np.asarray(item[()])
    if values.ndim == 2 and flag(item, "sample_varying", True):
        if np.abs(values - values[:1]).max() > coordinates.EVEN * np.ptp(values[0]):
            raise FileError(
                f"{store.path}: the coordinates {axis} differ between trajectories; models take "
                "one grid: put each grid into a file of its own"
            )
        return values[0]
    return values


def _space(
    file: Any, axes: list[str], shape: tuple[int, ...], store: Store
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    group, pairs = file["dimensions"], []
    for axis, points in zip(axes, shape, strict=True):
        if axis not in group:
            raise FileError(
                f"{store.path}: `dimensions` has no coordinates {axis!r}, it has {sorted(group)}; "
                "add them, or tell the box"
            )
        if units(group[axis]) == [UNKNOWN]:
            return None, None
        pairs.append(coordinates.grid(_same(group[axis], axis, store), axis, points, store.path))
    return coordinates.apart(pairs)


def _dt(file: Any, frames: int, store: Store) -> float | None:
    if "time" not in file["dimensions"]:
        raise FileError(f"{store.path}: `dimensions` has no `time`; add it, or tell dt")
    item: Any = file["dimensions"]["time"]
    if units(item) == [UNKNOWN]:
        return None
    times = np.atleast_2d(item[()])
    steps = [coordinates.step(row, frames, store.path) for row in times]
    if max(steps) - min(steps) > coordinates.EVEN * min(steps):
        raise FileError(
            f"{store.path}: the time step differs between trajectories, from {min(steps):.6g} to "
            f"{max(steps):.6g}; models take one: put each into a file of its own, or tell dt"
        )
    return steps[0]


def _scalars(
    file: Any, trajectories: int
) -> tuple[tuple[str, ...], np.ndarray, dict[str, str], list[str]]:
    columns: dict[str, np.ndarray] = {}
    marks: dict[str, str] = {}
    notes: list[str] = []
    group: Any = file.get("scalars", {})
    for name in listed(group, f"{file.filename}: scalars"):
        item = group[name]
        values = np.asarray(item[()])
        if flag(item, "time_varying", False):
            notes.append(f"the scalar {name} varies in time and is not read")
        elif values.size not in (1, trajectories) or values.dtype.kind not in "fiub":
            notes.append(f"the scalar {name}, {values.dtype} {values.shape}, is not read")
        else:
            columns[name] = np.broadcast_to(values.astype(np.float64).ravel(), (trajectories,))
            marks[name] = units(item)[0]
    wanted = texts(file.attrs.get("simulation_parameters", []))
    for name, value in numbers({n: file.attrs[n] for n in wanted if n in file.attrs}).items():
        columns.setdefault(name, np.full(trajectories, value))
    table = np.stack([*columns.values()], 1) if columns else np.zeros((trajectories, 0))
    return tuple(columns), table, {name: unit for name, unit in marks.items() if unit}, notes
