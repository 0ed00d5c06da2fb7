"""Pictures of a scorecard: errors over time, and spectra."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from zoo.plots.style import BLUE, GREY, ORANGE, RULES, png

LOOKS: dict[str, Any] = {
    "truth": {"color": "black", "lw": 1.0},
    "model": {"color": BLUE, "lw": 1.8},
    "persistence": {"color": GREY, "ls": "--"},
    "mean field": {"color": GREY, "ls": "--"},
    "solver": {"color": ORANGE, "ls": "-."},
}
CHANNELS = 4
"""Rows of the picture of spectra."""
DEPTH = 1e-12
"""Of the greatest energy: what is less is round-off, and not drawn."""


def over_time(
    errors: Mapping[str, Mapping[str, Sequence[float | None]]], dt: float, offset: int = 1
) -> bytes:
    """Errors against time, a panel for each figure and a line for each predictor, as PNG.

    Args:
        errors: by title and predictor, a value for each predicted frame; None is not drawn.
        dt: time between frames.
        offset: frames from the last one that goes in to the first predicted.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not errors:
        raise ValueError("no figure to draw; give errors of at least one title")
    with rc_context(RULES):
        figure = Figure(figsize=(4.6 * len(errors) + 0.4, 3.4), layout="constrained")
        axes = figure.subplots(1, len(errors), squeeze=False)[0]
        for ax, (title, lines) in zip(axes, errors.items(), strict=True):
            for name, values in lines.items():
                t = dt * np.arange(offset, offset + len(values))
                marker = "o" if len(values) == 1 else None
                ax.plot(t, _numbers(values), label=name, marker=marker, **LOOKS.get(name, {}))
            _logarithmic(ax)
            ax.set_title(title)
            ax.set_xlabel("time after the last frame in")
        axes[0].legend()
    return png(figure)


def spectra(
    wave_numbers: Sequence[float],
    energy: Mapping[str, Mapping[str, Mapping[str, Sequence[float | None]]]],
) -> bytes:
    """Energy by wave number, a row for each channel and a column for each frame, as PNG.

    Args:
        wave_numbers: of the shells, that of the mean first, which is not drawn.
        energy: by predictor, channel and frame.

    Raises:
        ValueError: there is nothing to draw.
    """
    channels = list(next(iter(energy.values()), {}))[:CHANNELS]
    if not channels:
        raise ValueError("no spectrum to draw; give energies of at least one channel")
    frames = list(next(iter(energy.values()))[channels[0]])
    with rc_context(RULES):
        size = (4.6 * len(frames) + 0.4, 3.0 * len(channels) + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(channels), len(frames), squeeze=False, sharex=True)
        for row, channel in zip(grid, channels, strict=True):
            for ax, frame in zip(row, frames, strict=True):
                lines = {name: found[channel][frame] for name, found in energy.items()}
                _spectrum(ax, wave_numbers, lines)
                ax.set_title(f"{channel}, {frame.replace('=0', ' ').replace('=', ' ')}")
            row[0].set_ylabel("energy of a shell")
        for ax in grid[-1]:
            ax.set_xlabel("wave number")
        grid[0, 0].legend(loc="lower left")
    return png(figure)


def _spectrum(ax: Axes, k: Sequence[float], lines: Mapping[str, Sequence[float | None]]) -> None:
    top = max((v for values in lines.values() for v in values[1:] if v is not None), default=0.0)
    for name, values in lines.items():
        found = _numbers(values)[1:]
        found[found < DEPTH * top] = np.nan
        ax.plot(k[1:], found, label=name, **LOOKS.get(name, {}))
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    _logarithmic(ax)


def _logarithmic(ax: Axes) -> None:
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.get_lines()])
    if (drawn > 0).any():
        ax.set_yscale("log")
    ax.grid(True, axis="y")


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], float)
