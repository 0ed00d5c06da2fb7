"""The lines of Python on a card: they run as they stand, which a test proves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import manifest
from zoo.card_names import LEAST, gathered


def snippet(folder: str | Path, config: Mapping[str, Any]) -> str:
    """Load a release and predict once, in physical units, on the grid of its data."""
    face = config["model"]["init_args"]["interface"]
    if face.get("region"):
        return _at_points(config["about"]["name"], face)
    if face.get("colours"):
        return _on_lattices(config["about"]["name"], face)
    shape = manifest.tensors(Path(folder) / manifest.PROBE)["input.u"]["shape"]
    points = next(_grids([entry["data"] for entry in manifest.figures(folder)]), None)
    grid = [points] * len(face["box"]) if points else shape[3:]
    axes = "xyz"[: len(grid)]
    f, u = (_variable(face[kind], word) for kind, word in (("inputs", "f"), ("outputs", "u")))
    lines = [
        "import numpy as np",
        "import zoo",
        "",
        f'model = zoo.from_pretrained("{config["about"]["name"]}")  # or a folder, or owner/name',
    ]
    for axis, n, side in zip(axes, grid, face["box"], strict=True):
        lines.append(f"{axis} = np.arange({n}){'' if side == 1 else f' * {side:g}'} / {n}")
    if len(grid) > 1:
        lines.append(f'{", ".join(axes)} = np.meshgrid({", ".join(axes)}, indexing="ij")')
    waves = " * ".join(
        f"np.sin(2 * np.pi * {axis}{'' if side == 1 else f' / {side:g}'})"
        for axis, side in zip(axes, face["box"], strict=True)
    )
    lines.append(f"{f} = {waves}  # {_named(face, 'inputs')}")
    frames, channels = shape[1:3]
    if (frames, channels) != (1, 1):
        lines.append(f"{f} = np.broadcast_to({f}, (1, {frames}, {channels}, *{f}.shape))")
    if face["coefficients"]:
        lines.append(f"p = {_coefficients(face['coefficients'], config['about']['ranges'])}")
        f += ", p"
    lines.append(f"{u} = model.predict({f})  # {_named(face, 'outputs')}")
    return "\n".join(lines)


def _at_points(name: str, face: Mapping[str, Any]) -> str:
    """Load a function of points; its values and a derivative along its first coordinate."""
    count = len(face["inputs"])
    pairs = dict(zip((*face["inputs"], *face["coefficients"]), face["region"], strict=True))
    first, *others = face["inputs"]
    low, high = pairs[first]
    columns = [row[0] for row in gathered([[one] for one in face["inputs"]], 0)]
    lines = [
        "import numpy as np",
        "import zoo",
        "",
        f'model = zoo.from_pretrained("{name}")  # or a folder, or owner/name',
        f"x = np.zeros((101, {count}))  # columns: {', '.join(columns)}",
        f"x[:, 0] = np.linspace({low:g}, {high:g}, 101)",
    ]
    told = [f"{_inside(pairs[other]):.4g}" for other in others]
    if len(told) >= LEAST and len(set(told)) == 1:
        lines.append(f"x[:, 1:] = {told[0]}")
    else:
        lines += [f"x[:, {place}] = {value}" for place, value in enumerate(told, 1)]
    given = ""
    if face["coefficients"]:
        values = {key: _inside(pairs[key]) for key in face["coefficients"]}
        lines.append("p = {" + ", ".join(f'"{k}": {v:.4g}' for k, v in values.items()) + "}")
        given = ", p"
    lines.append(f"u = model.predict(x{given})  # {_named(face, 'outputs')}")
    lines.append(f'du = model.predict(x{given}, derivatives=["{first}"])  # by {first}')
    return "\n".join(lines)


def _on_lattices(name: str, face: Mapping[str, Any]) -> str:
    """Load a model of spins; the energies of lattices of independent spins."""
    q, sides = face["colours"], ", ".join(f"{side:.0f}" for side in face["box"])
    spins = "; 0 and 1 are spins -1 and +1" if q == 2 else ""
    return "\n".join(
        [
            "import numpy as np",
            "import zoo",
            "",
            f'model = zoo.from_pretrained("{name}")  # or a folder, or owner/name',
            f"s = np.random.default_rng(0).integers({q}, size=(8, {sides}))  # colours{spins}",
            f"E = model.predict(s)  # {_named(face, 'outputs')}, up to a constant",
        ]
    )


def _inside(pair: Sequence[float]) -> float:
    """A point off the middle of an interval, where many fields vanish."""
    low, high = pair
    return low + 0.7 * (high - low)


def _grids(value: Any) -> Iterator[int]:
    """Points per side of the data sets in blocks."""
    parts = value.values() if isinstance(value, Mapping) else value
    for part in parts if isinstance(parts, Iterable) and not isinstance(parts, str) else ():
        yield from _grids(part)
    if isinstance(value, Mapping) and isinstance(value.get("grid"), int):
        yield value["grid"]


def _variable(names: list[str], word: str) -> str:
    """The channel's own name where it may stand in these lines, else `word`."""
    taken = ("x", "y", "z", "p", "np", "zoo", "model")
    return names[0] if names[0].isidentifier() and names[0] not in taken else word


def _named(face: Mapping[str, Any], kind: str) -> str:
    units = {name: face["units"].get(name, "?") for name in face[kind]}
    return ", ".join(name if unit == "1" else f"{name} [{unit}]" for name, unit in units.items())


def _coefficients(names: list[str], ranges: Mapping[str, Any]) -> str:
    """Each coefficient in the middle of the first system's range; zero where that has none."""
    first = next(iter(ranges.values()), {})
    own = first if isinstance(first, Mapping) else ranges
    middle = {name: sum(own[name]) / 2 if name in own else 0.0 for name in names}
    if not own:
        middle = dict.fromkeys(names, 1.0)
    return "{" + ", ".join(f'"{name}": {value:.4g}' for name, value in middle.items()) + "}"
