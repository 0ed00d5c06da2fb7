"""Files with whole fields as arrays (b, t, *n) beside `x-coordinate` and `t-coordinate`."""

from typing import Any

import h5py
import numpy as np

from zoo.data.formats import coordinates
from zoo.data.formats.attributes import numbers, plain, units
from zoo.data.formats.recording import Contents, FileError, Told
from zoo.data.formats.source import Source
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Store

AXES = "xyz"
ENDING = "-coordinate"


def flat(store: Store, told: Told, layout: str) -> Sourced:
    """The trajectories of such a file; a box or dt that is told is not looked for in it.

    Raises:
        FileError: coordinates are missing or do not fit, the problem is steady.
    """
    file, path = store.file, store.path
    items = {n: i for n, i in file.items() if isinstance(i, h5py.Dataset)}
    arrays = {n: i for n, i in items.items() if not n.endswith(ENDING)}
    lead, axes, shape = _lead(items, arrays, told, store)
    sizes = (int(lead.shape[axes.index("trajectory")]), int(lead.shape[axes.index("time")]))
    found, columns, notes = _sorted(arrays, sizes, shape)
    names, marks, sources = _named(found, arrays, store, len(shape))
    pairs = None
    if not told.box:
        asked = zip(AXES, shape, strict=False)
        pairs = [coordinates.grid(items[a + ENDING][()], a, points, path) for a, points in asked]
    columns.update({n: np.full(sizes[0], v) for n, v in numbers(file.attrs).items()})
    origin, box = coordinates.apart(pairs)
    contents = Contents(
        path=path,
        layout=layout,
        channels=names[0],
        constants=names[1],
        coefficients=tuple(columns),
        shape=shape,
        trajectories=sizes[0],
        frames=sizes[1],
        box=box,
        origin=origin,
        dt=None if told.dt else _dt(items, sizes[1], store),
        units=marks,
        notes=tuple(notes),
    )
    table = np.stack([*columns.values()], 1) if columns else np.zeros((sizes[0], 0))
    attributes = {name: plain(value) for name, value in file.attrs.items()}
    return Sourced(store, contents, sources=sources, table=table, attributes=attributes)


def axes_of(shape: tuple[int, ...], grid: tuple[int, ...]) -> tuple[str | int, ...] | None:
    """What the axes of a field (b, t, *n[, c]) are, by its shape; None if it is no such field."""
    d = len(grid)
    space = tuple(range(d))
    if shape[2 : 2 + d] == grid and len(shape) in (2 + d, 3 + d):
        return ("trajectory", "time", *space, "component")[: len(shape)]
    if len(shape) == 3 + d and shape[0] == 1 and shape[3:] == grid:
        return ("one", "trajectory", "time", *space)
    return None


def component_names(name: str, count: int, dimension: int) -> list[str]:
    """Names of the channels in one array: v_x, v_y if as many as axes of space, else v0, v1, ..."""
    if count == 1:
        return [name]
    if name != "u" and count == dimension:
        return [f"{name}_{axis}" for axis in AXES[:count]]
    return [f"{name}{place}" for place in range(count)]


def _lead(
    items: dict[str, Any], arrays: dict[str, Any], told: Told, store: Store
) -> tuple[Any, tuple[str | int, ...], tuple[int, ...]]:
    given = [axis for axis in AXES if axis + ENDING in items]
    dimension = len(told.box) if told.box else len(given)
    if not dimension or (not told.box and given != list(AXES[:dimension])):
        raise FileError(
            f"{store.path} has the coordinates {[a + ENDING for a in given]}; an array "
            "`x-coordinate` (and y-, z-) is needed for each axis of space: add it, or tell the box"
        )
    for item in arrays.values():
        if told.box:
            grid = tuple(item.shape[2 : 2 + dimension])
        else:
            grid = tuple(len(items[axis + ENDING]) for axis in given)
        axes = axes_of(tuple(item.shape), grid)
        if axes and item.dtype.kind in "fiu":
            return item, axes, grid
    raise FileError(
        f"{store.path} has no array (trajectories, time, {', '.join(AXES[:dimension])}) on the "
        f"grid of its coordinates, { {a: len(items[a + ENDING]) for a in given} }; it has "
        f"{ {name: tuple(item.shape) for name, item in arrays.items()} }: describe it by a layout "
        "file, or mend the coordinates"
    )


def _sorted(
    arrays: dict[str, Any], sizes: tuple[int, int], grid: tuple[int, ...]
) -> tuple[list[tuple[str, tuple[str | int, ...]]], dict[str, np.ndarray], list[str]]:
    """Arrays that are fields, with their axes; columns of coefficients; notes on the others."""
    found: list[tuple[str, tuple[str | int, ...]]] = []
    columns: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name, item in arrays.items():
        shape, space = tuple(item.shape), tuple(range(len(grid)))
        axes = axes_of(shape, grid) if item.dtype.kind in "fiu" else None
        if axes and (shape[axes.index("trajectory")], shape[axes.index("time")]) == sizes:
            found.append((name, axes))
        elif item.dtype.kind in "fiu" and shape in ((), (1,), (sizes[0],)):
            columns[name] = np.broadcast_to(np.asarray(item[()], np.float64), (sizes[0],))
        elif item.dtype.kind in "fiub" and shape == (sizes[0], *grid):
            found.append((name, ("trajectory", *space)))
        elif item.dtype.kind in "fiub" and shape == grid:
            found.append((name, space))
        else:
            notes.append(f"the array {name}, {item.dtype} {shape}, is not read")
    return found, columns, notes


def _named(
    found: list[tuple[str, tuple[str | int, ...]]],
    arrays: dict[str, Any],
    store: Store,
    dimension: int,
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], dict[str, str], tuple[Source, ...]]:
    names: dict[bool, list[str]] = {True: [], False: []}
    marks: dict[str, str] = {}
    sources = []
    for varies in (True, False):
        for name, axes in found:
            if ("time" in axes) != varies:
                continue
            item = arrays[name]
            count = item.shape[-1] if axes[-1] == "component" else 1
            own = component_names("u" if name == "tensor" else name, count, dimension)
            start = len(names[True]) + len(names[False])
            names[varies] += own
            marks.update({n: unit for n, unit in zip(own, units(item, count), strict=True) if unit})
            indices = [(i,) if axes[-1] == "component" else () for i in range(count)]
            fills = tuple((start + i, index) for i, index in enumerate(indices))
            sources.append(Source((store.place(name),), axes, fills, dimension))
    return (tuple(names[True]), tuple(names[False])), marks, tuple(sources)


def _dt(items: dict[str, Any], frames: int, store: Store) -> float:
    coordinates.dynamic(frames, store.path)
    if "t" + ENDING not in items:
        raise FileError(
            f"{store.path} has no array `t-coordinate`; add the time of each frame, or tell dt"
        )
    return coordinates.step(items["t" + ENDING][()], frames, store.path)
