"""What the frames of a file leave of an equation of the zoo."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from zoo.data.formats.recording import Recording
from zoo.metrics.equation_residual import order, step_residual
from zoo.models.base import BlockError, find
from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.reading import Mistake
from zoo.scorecard_law import told

TRAJECTORIES, PAIRS = 8, 6
"""At most so many of a file are looked at, evenly spread, and so many steps of each."""
STEPS = (4, 16, 64, 256)
"""Steps of the solver a frame, until more of them change nothing that would be told."""


def residual(recording: Recording, path: str, given: Mapping[str, float]) -> list[str]:
    """Lines that tell the relative residual, and what it is.

    ‖u(t + dt) - S(u(t))‖ / ‖u(t + dt)‖ with S one frame of the zoo's own solver, beside what is
    left where nothing moves, ‖u(t + dt) - u(t)‖ / ‖u(t + dt)‖.

    Args:
        recording: the file.
        path: import path of the equation.
        given: coefficients by name; they win over the file's.

    Raises:
        Mistake: the file lacks a field, a coefficient, the box or dt, or is not periodic.
    """
    held = recording.contents
    names = _fields(path, held.channels)
    law = told(path, len(held.shape), names, {*held.coefficients, *given})
    if not isinstance(law, Evolution):
        raise Mistake(f"--equation {path} is steady; {held.path} has frames in time")
    strange = [name for name in given if name not in law.coefficients]
    if strange:
        raise Mistake(f"--coefficient {strange[0]}: {law.name} has {list(law.coefficients)}")
    if held.box is None or held.dt is None or held.boundary not in (None, "periodic"):
        raise Mistake(
            f"--equation {path} evolves on a periodic box; {held.path} has box {held.box}, dt "
            f"{held.dt}, boundary {held.boundary}: say --box, --dt, --boundary if you know better"
        )
    chosen = _spread(held.trajectories, TRAJECTORIES)
    box, p = Box(tuple(held.box), held.shape), _coefficients(recording, law, given)
    places = [held.channels.index(names[i]) for i in order(law, names)]
    frames = [_pairs(recording, int(t), places) for t in chosen]
    if not all(len(pairs) for pairs in frames):
        return [f"residual of {law.name}: none, a trajectory has no two finite frames in a row"]
    steps = _steps(law, frames[0], p[chosen[:1]], box, held.dt)
    if steps is None:
        return [f"residual of {law.name}: it blows up within dt from these frames; is it this one?"]
    left, moved = [], []
    for trajectory, pairs in zip(chosen, frames, strict=True):
        rows = p[[trajectory] * len(pairs)]
        left.append(_size(step_residual(law, pairs, rows, box, held.dt, steps), pairs))
        moved.append(_size(pairs[:, 1:] - pairs[:, :1], pairs))
    return _told(law, torch.cat(left), torch.cat(moved), steps)


def _told(law: Evolution, left: Tensor, moved: Tensor, steps: int) -> list[str]:
    return [
        f"residual of {law.name}: median {float(left.median()):.2e}, largest "
        f"{float(left.max()):.2e} of the norm; where nothing moves {float(moved.median()):.2e}",
        f"  {len(left)} frames, each solved for from the one before on a grid twice as fine in "
        f"{steps} steps",
    ]


def _fields(path: str, channels: Sequence[str]) -> list[str]:
    """The equation's fields if the file has all of them by name, else all of the file's."""
    try:
        own = find(path, Evolution, ("zoo.pde.",)).fields  # pyright: ignore[reportAttributeAccessIssue]
    except BlockError:
        return list(channels)  # `told` says what is wrong with the path
    if set(own) <= set(channels):
        return list(own)
    if len(own) != len(channels):
        raise Mistake(
            f"--equation {path} has the fields {list(own)}, the file {list(channels)}; say which "
            f"is which: --rename {channels[0]}={own[0]}"
        )
    return list(channels)


def _coefficients(recording: Recording, law: Evolution, given: Mapping[str, float]) -> Tensor:
    """(trajectories, P), float64, in the law's order."""
    held, table = recording.contents, recording.coefficients()
    columns = [
        np.full(held.trajectories, given[name])
        if name in given
        else table[:, held.coefficients.index(name)]
        for name in law.coefficients
    ]
    return torch.tensor(np.stack(columns, 1)) if columns else torch.zeros(len(table), 0).double()


def _pairs(recording: Recording, trajectory: int, places: list[int]) -> Tensor:
    """Frames that follow one another, (pairs, 2, c, *n), float64."""
    starts = _spread(recording.contents.frames - 1, PAIRS)
    read = [recording.read(trajectory, int(k), int(k) + 2)[:, places] for k in starts]
    pairs = torch.tensor(np.stack(read)).double()
    return pairs[pairs.isfinite().flatten(1).all(1)]


def _steps(law: Evolution, pairs: Tensor, p: Tensor, box: Box, dt: float) -> int | None:
    """The fewest steps of STEPS that give what more of them give to five per cent."""
    before = None
    for place, steps in enumerate(STEPS):
        error = step_residual(law, pairs, p.expand(len(pairs), -1), box, dt, steps)
        size = float(_size(error, pairs).max())
        if not math.isfinite(size):  # the step is too long
            continue
        if before is not None and abs(size - before) <= 0.05 * size + 1e-9:
            return STEPS[place - 1]
        before = size
    return None if before is None else STEPS[-1]


def _size(error: Tensor, pairs: Tensor) -> Tensor:
    """Of an error (b, 1, c, *n) beside the later frame, (b,)."""
    whole = pairs[:, 1:].flatten(1).norm(dim=1)
    return error.flatten(1).norm(dim=1) / whole.clamp_min(1e-300)


def _spread(count: int, most: int) -> np.ndarray:
    """At most so many of 0, 1, ..., count - 1, evenly."""
    return np.unique(np.linspace(0, count - 1, most).round().astype(int))
