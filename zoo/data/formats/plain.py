"""Plain arrays: .npz, .npy and HDF5 files whose meaning stands in a YAML file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.formats.attributes import numbers, plain
from zoo.data.formats.near import meant
from zoo.data.formats.plain_layout import SPACE, ArrayLayout
from zoo.data.formats.recording import Contents, FileError
from zoo.data.formats.source import Source
from zoo.data.formats.sourced import Sourced
from zoo.data.formats.store import Place, Store

NAME = "arrays"


def opened(store: Store, layout: ArrayLayout) -> Sourced:
    """The trajectories of a file of plain arrays, as a layout describes them.

    Raises:
        FileError: an array is missing, or its axes are not those that the layout names.
    """
    wanted = [(name, *item, True) for name, item in layout.channels.items()]
    wanted += [(name, *item, False) for name, item in layout.constants.items()]
    fields = [
        (
            name,
            place := _place(store, array, layout),
            component,
            _axes(place, layout, component, varies),
        )
        for name, array, component, varies in wanted
    ]
    dimension = len({axis for *_, axes in fields for axis in axes if axis in SPACE})
    shape = tuple(_size(fields, axis, layout, store) for axis in SPACE[:dimension])
    trajectories = _size(fields, "trajectory", layout, store)
    _lengths_fit(layout, dimension)
    contents = Contents(
        path=store.path,
        layout=NAME,
        channels=tuple(layout.channels),
        constants=tuple(layout.constants),
        coefficients=tuple(layout.coefficients),
        shape=shape,
        trajectories=trajectories,
        frames=_size(fields, "time", layout, store),
        box=layout.box,
        origin=layout.origin,
        boundary=layout.boundary,
        dt=layout.dt,
        units=_units(layout),
    )
    sources = tuple(
        Source((place,), _meant(axes), ((i, () if component is None else (component,)),), dimension)
        for i, (_, place, component, axes) in enumerate(fields)
    )
    table = _table(store, layout, trajectories)
    attributes: Mapping[str, Any] = store.file.attrs if store.kind == "HDF5" else {}
    told = {name: plain(value) for name, value in attributes.items()}
    return Sourced(store, contents, sources=sources, table=table, attributes=told)


def _lengths_fit(layout: ArrayLayout, dimension: int) -> None:
    for key, given in (("box", layout.box), ("origin", layout.origin)):
        if given is not None and len(given) != dimension:
            raise FileError(
                f"{layout.path}: `{key}` has {len(given)} numbers; the arrays have {dimension} "
                "axes of space: give one for each"
            )


def _meant(axes: tuple[str, ...]) -> tuple[str | int, ...]:
    return tuple(
        SPACE.index(a) if a in SPACE else "component" if a == "channel" else a for a in axes
    )


def _place(store: Store, array: str, layout: ArrayLayout) -> Place:
    names = store.names()
    if array not in names:
        raise FileError(
            f"{layout.path} names the array {array!r}, which {store.path} has not: "
            f"{meant(array, names)}"
        )
    place = store.place(array)
    if place.dtype.kind not in "fiub":
        raise FileError(f"{array} in {store.path} holds {place.dtype}; give real numbers")
    return place


def _axes(
    place: Place, layout: ArrayLayout, component: int | None, varies: bool
) -> tuple[str, ...]:
    count, said = len(place.shape), layout.axes
    if isinstance(said, Mapping):
        said = said.get(place.name)
    if said is None:
        rest = count - 1 - varies - (component is not None)
        said = ("trajectory", "time", *SPACE[: max(rest, 0)], "channel")
    dropped = {"time"} if not varies else set()
    dropped |= {"channel"} if component is None else set()
    axes = tuple(word for word in said if word not in dropped)
    if not varies and len(axes) == count + 1:
        axes = tuple(word for word in axes if word != "trajectory")
    if len(axes) != count or (varies and "time" not in axes):
        raise FileError(
            f"{place.name} has shape {place.shape}, but {layout.path} gives it the axes "
            f"({', '.join(axes)}): mend `axes`, or give a `component` if one axis holds channels"
        )
    if component is not None:
        if "channel" not in axes:
            raise FileError(
                f"{layout.path}: component {component} of {place.name} is asked for, but `axes` "
                "names no axis `channel`; add it where it stands"
            )
        held = place.shape[axes.index("channel")]
        if not 0 <= component < held:
            raise FileError(
                f"{layout.path}: component {component} of {place.name} does not exist; it has "
                f"{held}, counted from 0"
            )
    return axes


def _size(fields: list[Any], axis: str, layout: ArrayLayout, store: Store) -> int:
    sizes = {name: place.shape[axes.index(axis)] for name, place, _, axes in fields if axis in axes}
    if axis == "trajectory" and not sizes:
        return 1
    if len(set(sizes.values())) != 1:
        raise FileError(
            f"{store.path}: with the axes of {layout.path} the channels have different lengths "
            f"along {axis}: {sizes}; mend `axes`, or leave the odd ones out"
        )
    return int(next(iter(sizes.values())))


def _units(layout: ArrayLayout) -> dict[str, str]:
    known = (*layout.channels, *layout.constants, *layout.coefficients)
    for name in layout.units:
        if name not in known:
            raise FileError(f"{layout.path} gives {name!r} a unit: {meant(name, known)}")
    return dict(layout.units)


def _table(store: Store, layout: ArrayLayout, trajectories: int) -> np.ndarray:
    columns = []
    for name, value in layout.coefficients.items():
        if isinstance(value, str):
            values = np.asarray(store.array(_place(store, value, layout).name)[()], np.float64)
        else:
            values = np.float64(value)
        if values.shape not in ((), (1,), (trajectories,)):
            raise FileError(
                f"{layout.path}: the coefficient {name} has shape {values.shape}; give one number, "
                f"or one for each of {trajectories} trajectories"
            )
        columns.append(np.broadcast_to(values, (trajectories,)))
    return np.stack(columns, 1) if columns else np.zeros((trajectories, 0))


def draft(store: Store) -> str:
    """A layout to begin with: the arrays of most axes as channels, axes in the usual order."""
    places = [store.place(name) for name in store.names()]
    most = max((len(place.shape) for place in places), default=0)
    fields = [p for p in places if len(p.shape) == most and p.dtype.kind in "fiu"]
    lead = fields[0].shape if fields and most > 1 else ()
    space = SPACE[: min(max(most - 2, 1), 3)]
    axes = ", ".join(["trajectory", "time", *space, "channel"][:most])
    columns = [p.name for p in places if lead and p.shape == lead[:1] and p.dtype.kind in "fiu"]
    if store.kind == "HDF5":
        columns += [f"{n}: {v}" for n, v in numbers(store.file.attrs).items()]
    lines = [
        f"axes: [{axes}]  # the meaning of the axes {lead}, in their order",
        "channels:",
        *(f"  {p.name.replace('/', '_')}: {p.name}" for p in fields if p.shape == lead),
        f"coefficients: {{{', '.join(c if ':' in c else f'{c}: {c}' for c in columns)}}}",
        f"box: [{', '.join(['1.0'] * len(space))}]  # physical side lengths",
        "dt: 1.0  # time between two frames",
        "boundary: periodic",
    ]
    return "\n".join(lines)
