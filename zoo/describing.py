"""`zoo data describe FILE`: what is in a file of simulations, as the zoo understands it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zoo.data.arrays import ENDINGS
from zoo.data.formats import detect
from zoo.data.formats.recording import Contents, Recording, Told
from zoo.data.recorded_checks import where
from zoo.data.summary import Summary, described, summary
from zoo.describing_law import residual

SHOWN = 60
"""Characters of an attribute's value."""


def describe(
    paths: Sequence[str],
    told: Told | None = None,
    equation: str | None = None,
    given: Mapping[str, float] | None = None,
) -> str:
    """Layout, channels with ranges, grid, times, what is not finite, notes and attributes.

    Args:
        paths: the file, or several that are joined.
        told: what the user says about it.
        equation: import path of an equation under which the residual is told.
        given: coefficients that the file does not have.

    Raises:
        FileError: the file cannot be used.
    """
    path = paths[0] if len(paths) == 1 else list(paths)
    recording = detect.opened(path, told)
    found = summary(recording, described(path, recording.contents, told))
    lines = [*_frame(recording.contents, len(paths)), *_channels(recording.contents, found)]
    lines += _coefficients(recording)
    lines += _bad(recording, found)
    if equation is not None:
        lines += residual(recording, equation, given or {})
    for note in recording.contents.notes:
        lines.append(f"note: {note}")
    attributes = recording.told()
    lines += [f"attribute {name}: {_short(value)}" for name, value in attributes.items()]
    return "\n".join(lines)


def _frame(contents: Contents, files: int) -> list[str]:
    more = f" and {files - 1} more" if files > 1 else ""
    box = " x ".join(f"{side:g}" for side in contents.box) if contents.box else None
    start = ", ".join(f"{x:g}" for x in contents.origin) if contents.origin else None
    dt = f"{contents.dt:g}" if contents.dt is not None else "not stated: say it with --dt"
    return [
        f"{contents.path}{more}: {contents.layout}",
        f"trajectories: {contents.trajectories} of {contents.frames} frames, dt: {dt}",
        f"grid: {' x '.join(map(str, contents.shape))}, "
        f"box: {box or 'not stated: say it with --box'}, "
        f"boundary: {contents.boundary or 'not stated: say it with --boundary'}"
        + (f", first point: {start}" if start else ""),
    ]


def _channels(contents: Contents, found: Summary) -> list[str]:
    """Ranges of every channel and constant over the values that are finite."""
    names = contents.inputs
    size = (found.variance + found.mean.square()).mean((0, 1)).sqrt().tolist()
    low, high = found.least.amin((0, 1)).tolist(), found.greatest.amax((0, 1)).tolist()
    rows = [("", "least", "greatest", "rms", "unit", "")]
    for i, name in enumerate(names):
        what = "does not vary in time" if name in contents.constants else ""
        if low[i] == high[i]:
            what = "one and the same number: leave it out by `channels`"
        unit = contents.units.get(name, "not stated")
        rows.append((name, f"{low[i]:.4g}", f"{high[i]:.4g}", f"{size[i]:.4g}", unit, what))
    return _table("channels:", rows, 3)


def _coefficients(recording: Recording) -> list[str]:
    contents, p = recording.contents, recording.coefficients()
    if not contents.coefficients:
        return ["coefficients: none"]
    rows = [("", "least", "greatest", "unit")]
    for name, column in zip(contents.coefficients, p.T, strict=True):
        unit = contents.units.get(name, "not stated")
        rows.append((name, f"{column.min():.4g}", f"{column.max():.4g}", unit))
    return _table("coefficients:", rows, 2)


def _bad(recording: Recording, found: Summary) -> list[str]:
    bad = (found.bad > 0).nonzero()
    if not len(bad):
        return ["not finite: no value"]
    trajectory, frame, channel = bad[0].tolist()
    frames = len(torch.unique(bad[:, :2], dim=0))
    path, own = where(recording, trajectory)
    return [
        f"not finite: {int(found.bad.sum())} values in {frames} frames of "
        f"{len(bad[:, 0].unique())} trajectories; the first: {recording.contents.inputs[channel]} "
        f"in trajectory {own}, frame {frame} of {path.name} (counted from 0)"
    ]


def _table(title: str, rows: Sequence[Sequence[str]], numbers: int) -> list[str]:
    """Names, so many columns of numbers, and words; the title stands in the head of the first."""
    columns = [*zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    widths[0] = max(widths[0], len(title) - 2)
    sides = ["<", *">" * numbers, *"<" * len(columns)]
    lines = []
    for row in rows:
        cells = [f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=False)]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return [f"{title}{lines[0][len(title) :]}", *lines[1:]]


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def is_file(word: str) -> bool:
    """Whether a word names a file of data, which need not exist, rather than a recipe."""
    path = Path(word)
    return path.suffix in ENDINGS or (path.is_file() and path.suffix not in (".yaml", ".yml"))
