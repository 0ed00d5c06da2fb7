"""What a prediction is asked to be, and which frames of a file go in and come out for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from zoo.data.formats.recording import Contents, Recording
from zoo.models.base import Interface

POINTS, SAMPLES = 2**22, 64
"""Of a batch if none is said: at most so many grid points, and so many samples."""
CLOSE = 1e-6
"""Relative difference of two time steps that are the same."""


@dataclass(frozen=True)
class Asked:
    """What a prediction is asked to be, as `zoo.predict.predict` takes it; of which weights."""

    model: str
    sha256: str
    given: Mapping[str, float]
    steps: int | None = None
    batch: int | None = None
    start: int = 0
    again: bool = False
    pictures: bool | None = None


@dataclass(frozen=True)
class Plan:
    """What is rolled out: which frames go in, which come out.

    Args:
        contents: of the result.
        channels: places of the model's inputs among the file's.
        p: coefficients of every trajectory.
        start: the first frame that goes in.
        last: the last frame that goes in.
        first: the first frame predicted, as the file counts.
        truth: how many of the predicted frames the file has.
        time: of the first frame predicted.
        batch: trajectories at a time.
    """

    contents: Contents
    channels: tuple[int, ...]
    p: np.ndarray
    start: int
    last: int
    first: int
    truth: int
    time: float
    batch: int


def size(asked: Asked, grid: tuple[int, ...]) -> int:
    """Samples at a time."""
    if asked.batch is not None:
        return asked.batch
    return max(1, min(SAMPLES, POINTS // int(np.prod(grid))))


def bar(console: Console) -> Progress:
    """A progress bar with the time left; nothing where there is no terminal."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def planned(want: Interface, recording: Recording, asked: Asked) -> Plan:
    """Which frames go in and which come out.

    Raises:
        ValueError: a channel or a coefficient is missing, or there are not enough frames.
    """
    held, file = recording.contents, recording.contents.path
    missing = [name for name in want.inputs if name not in held.inputs]
    if missing:
        raise ValueError(
            f"{file} has no channel {missing[0]!r}, it has {list(held.inputs)}; the model takes "
            f"{list(want.inputs)}: say which it is with --rename FILE_NAME={missing[0]}"
        )
    if asked.start + want.history > held.frames:
        raise ValueError(
            f"{file} has {held.frames} frames; start={asked.start} and the {want.history} frames "
            f"that go in need {asked.start + want.history}: lower --start"
        )
    first = asked.start + want.history - 1 + want.offset
    steps = asked.steps if asked.steps is not None else held.frames - first
    if steps < 1:
        raise ValueError(
            f"{file} has {held.frames} frames, none after the {want.history} that go in from "
            f"start={asked.start}; say how many to predict with --steps"
        )
    jumps = want.offset > 1 or not set(want.outputs) <= set(want.inputs)
    if jumps and steps > want.horizon:
        raise ValueError(
            f"steps={steps}: this model gives frames {want.offset} to "
            f"{want.offset + want.horizon - 1} after the last one that goes in, and its outputs "
            f"cannot go in again; ask for --steps {want.horizon} at most"
        )
    same = held.dt is None or want.dt is None or abs(held.dt - want.dt) <= CLOSE * want.dt
    step = want.dt or 1.0
    contents = Contents(
        path=Path(asked.model),
        layout="The Well",
        channels=want.outputs,
        shape=held.shape,
        trajectories=held.trajectories,
        frames=steps,
        coefficients=want.coefficients,
        box=held.box,
        boundary=held.boundary,
        dt=step,
        units={n: u for n, u in want.units.items() if n in (*want.outputs, *want.coefficients)},
        origin=held.origin,
    )
    known = same and set(want.outputs) <= set(held.inputs)
    return Plan(
        contents,
        channels=tuple(held.inputs.index(name) for name in want.inputs),
        p=_coefficients(want, recording, asked.given),
        start=asked.start,
        last=asked.start + want.history - 1,
        first=first,
        truth=max(0, min(steps, held.frames - first)) if known else 0,
        time=(first - want.offset) * (held.dt or step) + want.offset * step,
        batch=size(asked, held.shape),
    )


def _coefficients(want: Interface, recording: Recording, given: Mapping[str, float]) -> np.ndarray:
    held, values = recording.contents, recording.coefficients()
    columns = []
    for name in want.coefficients:
        if name in given:
            columns.append(np.full(held.trajectories, float(given[name])))
        elif name in held.coefficients:
            columns.append(values[:, held.coefficients.index(name)])
        else:
            raise ValueError(
                f"{held.path} has no coefficient {name!r}; it has {list(held.coefficients)}: give "
                f"--coefficient {name}=VALUE, or say which it is with --rename FILE_NAME={name}"
            )
    return np.stack(columns, 1) if columns else np.zeros((held.trajectories, 0))
