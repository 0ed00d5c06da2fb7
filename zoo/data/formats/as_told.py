"""What a user says about a file, applied to what the file says."""

from collections.abc import Iterable
from dataclasses import replace

from zoo.data.formats.near import meant
from zoo.data.formats.recording import Contents, FileError, Told
from zoo.data.formats.sourced import Sourced


def as_told(found: Sourced, told: Told) -> Sourced:
    """The same file with what the user says: names first, then choice and order, units and box.

    `told.channels` chooses among channels and constants alike, by their new names; what it does
    not name is never read.

    Raises:
        FileError: a name is not there, two become the same, or the box has another dimension.
    """
    held = found.contents
    new = _renamed(told, held)
    inputs = [new[name] for name in held.inputs]
    constants = {new[name] for name in held.constants}
    wanted = _chosen(told.channels, inputs, held, "channels")
    channels = tuple(name for name in wanted if name not in constants)
    if not channels:
        raise FileError(
            f"{held.path}: channels={list(wanted)} leaves no field that varies in time; take "
            f"one of {[new[name] for name in held.channels]}"
        )
    kept = tuple(name for name in wanted if name in constants)
    columns = [new[name] for name in held.coefficients]
    coefficients = _chosen(told.coefficients, columns, held, "coefficients")
    _within(told.units, (*wanted, *coefficients), held, "units")
    units = {new[n]: u for n, u in held.units.items() if new[n] in (*wanted, *coefficients)}
    contents = replace(
        held,
        channels=channels,
        constants=kept,
        coefficients=coefficients,
        units={**units, **told.units},
        box=_box(told, held),
        boundary=told.boundary or held.boundary,
        dt=_dt(told, held),
    )
    places = [inputs.index(name) for name in (*channels, *kept)]
    return found.chosen(contents, places, [columns.index(name) for name in coefficients])


def _renamed(told: Told, held: Contents) -> dict[str, str]:
    known = (*held.inputs, *held.coefficients)
    _within(told.rename, known, held, "rename")
    new = {name: told.rename.get(name, name) for name in known}
    twice = [name for name in new.values() if [*new.values()].count(name) > 1]
    if twice:
        old = [name for name in known if new[name] == twice[0]]
        raise FileError(
            f"{held.path}: {' and '.join(old)} would both be called {twice[0]!r}; names are "
            "unique: rename one to something else"
        )
    return new


def _within(names: Iterable[str], known: Iterable[str], held: Contents, what: str) -> None:
    known = tuple(known)
    for name in names:
        if name not in known:
            raise FileError(f"{held.path} has no {name!r} ({what}); {meant(name, known)}")


def _chosen(
    names: tuple[str, ...] | None, known: list[str], held: Contents, what: str
) -> tuple[str, ...]:
    if names is None:
        return tuple(known)
    _within(names, known, held, what)
    if len(set(names)) < len(names):
        raise FileError(f"{held.path}: {what}={list(names)} names one twice; name each once")
    return tuple(names)


def _box(told: Told, held: Contents) -> tuple[float, ...] | None:
    if told.box is None:
        return held.box
    if len(told.box) != len(held.shape) or min(told.box) <= 0:
        raise FileError(
            f"{held.path}: box={list(told.box)} for a grid of {held.shape}; give a positive length "
            "for each axis"
        )
    return tuple(float(side) for side in told.box)


def _dt(told: Told, held: Contents) -> float | None:
    if told.dt is not None and told.dt <= 0:
        raise FileError(f"{held.path}: dt={told.dt}; give a positive time")
    return held.dt if told.dt is None else float(told.dt)
