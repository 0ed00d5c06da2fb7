from typing import Any, ClassVar

import h5py
import numpy as np

from zoo.data.formats import coordinates
from zoo.data.formats.attributes import numbers, plain, units
from zoo.data.formats.layout import Layout
from zoo.data.formats.pdebench_arrays import AXES, component_names
from zoo.data.formats.recording import Contents, FileError, Told
from zoo.data.formats.source import Source
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Place, Store


class PdebenchSeeds(Layout):
    """PDEBench's files of one group a trajectory: diffusion-reaction, sorption, shallow water.

    Groups `0000`, `0001`, ... with `data` (t, x[, y][, c]) and `grid/x`, `grid/y`, `grid/t`. Number
    attributes of a group become the coefficients of its trajectory, those of the file belong to
    all. The channel is called u; several are u0, u1, ...: the file does not name them. The text
    `config` of a group is told, not read. The grids of the first and the last group are compared.

    Source: PDEBench (Takamoto et al., NeurIPS 2022), data of its generators per seed.
    """

    name: ClassVar[str] = "PDEBench grouped"

    def fits(self, store: Store) -> bool:
        """As in Layout."""
        if store.kind != "HDF5" or not len(store.file):
            return False
        first = store.file[next(iter(store.file))]
        return isinstance(first, h5py.Group) and isinstance(first.get("data"), h5py.Dataset)

    def open(self, store: Store, told: Told) -> Sourced:
        """As in Layout."""
        file, path = store.file, store.path
        groups = [name for name, item in file.items() if "data" in item]
        places = tuple(store.place(f"{name}/data") for name in groups)
        first, item = file[groups[0]], file[groups[0]]["data"]
        _alike(places, store)
        dimension = len(told.box) if told.box else _dimension(first, store)
        axes: tuple[str | int, ...] = ("time", *range(dimension), "component")[: item.ndim]
        if item.ndim not in (1 + dimension, 2 + dimension):
            raise FileError(
                f"{path}: {item.name} has shape {item.shape}; with {dimension} axes of space it "
                "should be (time, *space) or (time, *space, channels)"
            )
        count = item.shape[-1] if axes[-1] == "component" else 1
        names = component_names("u", count, dimension)
        marks = {n: unit for n, unit in zip(names, units(item, count), strict=True) if unit}
        frames, shape = int(item.shape[0]), tuple(item.shape[1 : 1 + dimension])
        pairs = None if told.box else _space(file, [groups[0], groups[-1]], shape, store)
        coefficients, table = _columns(file, groups)
        origin, box = coordinates.apart(pairs)
        contents = Contents(
            path=path,
            layout=self.name,
            channels=tuple(names),
            coefficients=coefficients,
            shape=shape,
            trajectories=len(groups),
            frames=frames,
            box=box,
            origin=origin,
            dt=None if told.dt else _dt(first, frames, store),
            units=marks,
        )
        fills = tuple((i, (i,) if axes[-1] == "component" else ()) for i in range(count))
        attributes = {n: plain(v) for n, v in (*first.attrs.items(), *file.attrs.items())}
        source = Source(places, axes, fills, dimension)
        return Sourced(store, contents, sources=(source,), table=table, attributes=attributes)


def _alike(places: tuple[Place, ...], store: Store) -> None:
    first = places[0]
    for place in places:
        if place.shape != first.shape:
            raise FileError(
                f"{store.path}: {place.name} has shape {place.shape}, {first.name} {first.shape}; "
                "trajectories of one file are alike: put the odd ones into a file of their own"
            )


def _dimension(first: Any, store: Store) -> int:
    count = sum(f"grid/{axis}" in first for axis in AXES)
    if not count:
        raise FileError(
            f"{store.path}: {first.name} has no coordinates `grid/x`; add them, or tell the box"
        )
    return count


def _space(
    file: Any, groups: list[str], shape: tuple[int, ...], store: Store
) -> list[tuple[float, float]]:
    both = [
        [
            coordinates.grid(file[f"{group}/grid/{axis}"][()], axis, points, store.path)
            for axis, points in zip(AXES, shape, strict=False)
        ]
        for group in groups
    ]
    if not np.allclose(both[0], both[1], rtol=coordinates.EVEN):
        raise FileError(
            f"{store.path}: the grids of {groups[0]} and {groups[1]} differ: origin and length "
            f"{both[0]} and {both[1]}; put each grid into a file of its own"
        )
    return both[0]


def _dt(first: Any, frames: int, store: Store) -> float:
    coordinates.dynamic(frames, store.path)
    if "grid/t" not in first:
        raise FileError(f"{store.path}: {first.name} has no times `grid/t`; add them, or tell dt")
    return coordinates.step(first["grid/t"][()], frames, store.path)


def _columns(file: Any, groups: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    rows = [{**numbers(file.attrs), **numbers(file[name].attrs)} for name in groups]
    names = tuple(name for name in rows[0] if all(name in row for row in rows))
    return names, np.array([[row[name] for name in names] for row in rows]).reshape(len(rows), -1)
