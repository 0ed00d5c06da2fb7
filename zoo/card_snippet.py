"""The lines of Python on a card: they run as they stand, which a test proves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo import manifest


def snippet(folder: str | Path, config: Mapping[str, Any]) -> str:
    """Load a release and predict once, in physical units, on the grid of its probe."""
    face = config["model"]["init_args"]["interface"]
    shape = manifest.tensors(Path(folder) / manifest.PROBE)["input.u"]["shape"]
    grid = shape[3:]
    sides = ", ".join(
        f"np.arange({n}) * {side / n:g}" for n, side in zip(grid, face["box"], strict=True)
    )
    names = ", ".join("xyz"[: len(grid)])
    waves = " * ".join(
        f"np.sin(2 * np.pi * {axis} / {side:g})" if side != 1 else f"np.sin(2 * np.pi * {axis})"
        for axis, side in zip("xyz", face["box"], strict=False)
    )
    f, u = (_variable(face[kind], word) for kind, word in (("inputs", "f"), ("outputs", "u")))
    lines = [
        "import numpy as np",
        "import zoo",
        "",
        f'model = zoo.from_pretrained("{config["about"]["name"]}")  # or a folder, or owner/name',
        f'{names}{"," if len(grid) == 1 else ""} = np.meshgrid({sides}, indexing="ij")',
        f"{f} = {waves}  # {_named(face, 'inputs')}",
    ]
    frames, channels = shape[1:3]
    if (frames, channels) != (1, 1):
        lines.append(f"{f} = np.broadcast_to({f}, (1, {frames}, {channels}, *{f}.shape))")
    if face["coefficients"]:
        lines.append(f"p = {_coefficients(face['coefficients'], config['about']['ranges'])}")
        f += ", p"
    lines.append(f"{u} = model.predict({f})  # {_named(face, 'outputs')}")
    return "\n".join(lines)


def _variable(names: list[str], word: str) -> str:
    """The channel's own name where it may stand in these lines, else `word`."""
    taken = ("x", "y", "z", "p", "np", "zoo", "model")
    return names[0] if names[0].isidentifier() and names[0] not in taken else word


def _named(face: Mapping[str, Any], kind: str) -> str:
    return ", ".join(f"{name} [{face['units'].get(name, '?')}]" for name in face[kind])


def _coefficients(names: list[str], ranges: Mapping[str, Any]) -> str:
    """Each coefficient in the middle of the first system's range; zero where that has none."""
    first = next(iter(ranges.values()), {})
    own = first if isinstance(first, Mapping) else ranges
    middle = {name: sum(own[name]) / 2 if name in own else 0.0 for name in names}
    if not own:
        middle = dict.fromkeys(names, 1.0)
    return "{" + ", ".join(f'"{name}": {value:.4g}' for name, value in middle.items()) + "}"
