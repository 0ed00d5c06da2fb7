from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from zoo.data.formats.near import meant
from zoo.data.formats.recording import FileError

SPACE = "xyz"
WORDS = ("trajectory", "time", *SPACE, "channel")
KEYS = (
    "axes",
    "channels",
    "constants",
    "coefficients",
    "units",
    "box",
    "origin",
    "boundary",
    "dt",
)


@dataclass(frozen=True)
class ArrayLayout:
    """What a YAML file says about plain arrays.

    ```yaml
    axes: [trajectory, time, x, y, channel]   # in the order of the arrays; an array whose component
    channels:                                 # is not asked for has no axis `channel`
      density: rho                            # a channel: the array that holds it
      velocity_x: {array: v, component: 0}    # ... or an index along its axis `channel`
    constants: {mask: walls}                  # arrays without time, for each trajectory or for all
    coefficients: {nu: viscosity, gamma: 1.4} # an array (trajectories,), or a number
    units: {density: kg/m^3}
    box: [1.0, 1.0]
    dt: 0.1
    boundary: periodic
    ```

    Args:
        path: the YAML file.
        axes: a list for all arrays, or one for each array by name; trajectory, time, x, y, z if
            left out, as many as there are. Without `trajectory` the file is one trajectory.
        channels: array and component (None if it has none) by channel.
        constants: likewise.
        coefficients: an array's name or a number by coefficient.
        units: by name.
        box: as in Contents, as are `origin`, `boundary` and `dt`.
        origin: see there.
        boundary: see there.
        dt: see there.
    """

    path: Path
    axes: tuple[str, ...] | Mapping[str, tuple[str, ...]] | None
    channels: Mapping[str, tuple[str, int | None]]
    constants: Mapping[str, tuple[str, int | None]]
    coefficients: Mapping[str, str | float]
    units: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, ...] | None = None
    origin: tuple[float, ...] | None = None
    boundary: str | None = None
    dt: float | None = None


def read(path: Path) -> ArrayLayout:
    """The layout in a YAML file.

    Raises:
        FileError: it is no YAML, a key is not known, a channel is missing, or a value is odd.
    """
    if not path.is_file():
        raise FileError(f"{path} is no file; the layout is a YAML file: {ArrayLayout.__name__}")
    try:
        found = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise FileError(f"{path} is no YAML: {error}") from error
    if not isinstance(found, dict) or not found.get("channels"):
        raise FileError(f"{path} names no `channels`; say which array holds each: `u: array`")
    for key in found:
        if key not in KEYS:
            raise FileError(f"{path} has the key {key!r}; a layout: {meant(str(key), KEYS)}")
    axes = found.get("axes")
    if isinstance(axes, dict):
        axes = {name: _axes(words, path) for name, words in axes.items()}
    elif axes is not None:
        axes = _axes(axes, path)
    return ArrayLayout(
        path,
        axes,
        _arrays(found, "channels", path),
        _arrays(found, "constants", path),
        {name: _scalar(name, value, path) for name, value in _mapping(found, "coefficients", path)},
        {name: str(unit) for name, unit in _mapping(found, "units", path)},
        _lengths(found, "box", path),
        _lengths(found, "origin", path),
        None if found.get("boundary") is None else str(found["boundary"]),
        None if found.get("dt") is None else _lengths({"dt": [found["dt"]]}, "dt", path)[0],
    )


def _mapping(found: dict[str, Any], key: str, path: Path) -> list[tuple[str, Any]]:
    value = found.get(key) or {}
    if isinstance(value, list):  # names of arrays are names of channels
        value = {name: name for name in value}
    if not isinstance(value, dict):
        raise FileError(f"{path}: `{key}` is {value!r}; give a mapping, `name: ...`")
    return [(str(name), item) for name, item in value.items()]


def _arrays(found: dict[str, Any], key: str, path: Path) -> dict[str, tuple[str, int | None]]:
    read: dict[str, tuple[str, int | None]] = {}
    for name, item in _mapping(found, key, path):
        if isinstance(item, str):
            read[name] = (item, None)
        elif isinstance(item, dict) and "array" in item and set(item) <= {"array", "component"}:
            component = item.get("component")
            read[name] = (str(item["array"]), None if component is None else int(component))
        else:
            raise FileError(
                f"{path}: `{key}: {name}` is {item!r}; give the array's name, or {{array: name, "
                "component: index}"
            )
    return read


def _scalar(name: str, value: Any, path: Path) -> str | float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FileError(f"{path}: the coefficient {name} is {value!r}; give an array or a number")
    return value if isinstance(value, str) else float(value)


def _axes(words: Any, path: Path) -> tuple[str, ...]:
    if not isinstance(words, list):
        raise FileError(f"{path}: `axes` is {words!r}; give a list of {', '.join(WORDS)}")
    for word in words:
        if word not in WORDS or words.count(word) > 1:
            raise FileError(
                f"{path}: the axis {word!r} stands in `axes` {words.count(word)} times; each once, "
                f"of these words: {meant(str(word), WORDS)}"
            )
    space = [word for word in words if word in SPACE]
    if sorted(space) != list(SPACE[: len(space)]) or not space:
        raise FileError(f"{path}: `axes` has the axes of space {space}; give x, or x and y, ...")
    return tuple(words)


def _lengths(found: dict[str, Any], key: str, path: Path) -> Any:
    value = found.get(key)
    if value is None:
        return None
    try:
        numbers = tuple(float(item) for item in value)
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: `{key}` is {value!r}; give numbers") from error
    if key != "origin" and not all(0 < item < float("inf") for item in numbers):
        raise FileError(f"{path}: `{key}` is {value!r}; it must be positive")
    return numbers
