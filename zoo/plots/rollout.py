"""A rollout in pictures: fields at a few times, and the error over time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.plots.style import BLUE, GREY, ORANGE, RULES, png
from zoo.plots.track import AXES, Track, spread

FRAMES = 5


def frames(track: Track, channel: int = 0, at: Sequence[int] | None = None) -> bytes:
    """Truth, prediction and error of one channel at a few times, as PNG.

    Images of two-dimensional fields, the middle plane of three-dimensional ones, lines of
    one-dimensional ones. Truth and prediction share their colours in all frames.

    Args:
        track: the trajectory.
        channel: which one.
        at: frames; five from the first to the last if left out.
    """
    chosen = list(at) if at is not None else spread(len(track.times), FRAMES)
    with rc_context(RULES):
        if track.dimension == 1:
            return png(_lines(track, channel, chosen))
        return png(_images(track, channel, chosen))


def _title(track: Track, channel: int) -> str:
    middle = f", z = {track.box[2] / 2:g}" if track.dimension == 3 else ""
    return f"{track.label(channel)}{middle}" + (f", {track.title}" if track.title else "")


def _images(track: Track, channel: int, chosen: list[int]) -> Figure:
    rows = len(track.panels(channel, chosen[0]))
    size = (2.3 * len(chosen) + 1.2, 2.25 * rows + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, len(chosen), squeeze=False, sharex=True, sharey=True)
    looks = [track.look(channel, chosen)] * 2 + [track.wrong(channel, chosen)]
    for column, frame in enumerate(chosen):
        for row, (word, values) in enumerate(track.panels(channel, frame)):
            ax: Any = axes[row, column]
            # the first axis of a field is x
            image = ax.imshow(
                values.T, origin="lower", extent=track.extent(), interpolation="nearest",
                **looks[row],
            )  # fmt: skip
            ax.set_xticks([0, track.box[0]])
            ax.set_yticks([0, track.box[1]])
            if row == 0:
                ax.set_title(f"t = {track.times[frame]:.4g}")
            if row == rows - 1:
                ax.set_xlabel(AXES[0])
            if column == 0:
                ax.set_ylabel(f"{word}\n{AXES[1]}")
            if column == len(chosen) - 1:
                bar = figure.colorbar(image, ax=axes[row].tolist(), shrink=0.85, pad=0.02)
                bar.outline.set_visible(False)
    figure.suptitle(_title(track, channel), fontsize=RULES["axes.titlesize"])
    return figure


def _lines(track: Track, channel: int, chosen: list[int]) -> Figure:
    rows = 1 if track.truth is None else 2
    size = (2.5 * len(chosen) + 0.6, 2.1 * rows + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, len(chosen), squeeze=False, sharex=True, sharey="row")
    for column, frame in enumerate(chosen):
        lines = dict(track.panels(channel, frame))
        ax: Any = axes[0, column]
        if "truth" in lines:
            ax.plot(track.points(), lines["truth"], color=GREY, linewidth=2.4, label="truth")
            below: Any = axes[1, column]
            below.axhline(0, color=GREY, linewidth=0.8)
            below.plot(track.points(), lines["error"], color=ORANGE)
        ax.plot(track.points(), lines["prediction"], color=BLUE, label="prediction")
        ax.set_title(f"t = {track.times[frame]:.4g}")
        axes[-1, column].set_xlabel(AXES[0])
    axes[0, 0].set_ylabel(track.label(channel))
    axes[-1, 0].set_ylabel("error" if rows > 1 else track.label(channel))
    axes[0, -1].legend(loc="upper right", fontsize=8)
    figure.suptitle(_title(track, channel), fontsize=RULES["axes.titlesize"])
    return figure


def errors(
    times: np.ndarray, curves: Mapping[str, np.ndarray], channels: Sequence[str], title: str = ""
) -> bytes:
    """Error over time, as PNG: a panel for each channel, the mean and the range of trajectories.

    Shapes:
        times: (t,); each curve: (trajectories, t, c).

    Args:
        times: of the frames.
        curves: relative L2 errors by name, the model's first; what is not finite is not drawn.
        channels: names of the channels.
        title: what was measured.

    Raises:
        ValueError: a curve has other times or channels.
    """
    for name, values in curves.items():
        if values.shape[1:] != (len(times), len(channels)):
            raise ValueError(
                f"{name} has errors {values.shape}; give (trajectories, {len(times)}, "
                f"{len(channels)})"
            )
    with rc_context(RULES):
        size = (3.4 * len(channels) + 1.4, 3.2)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(channels), squeeze=False, sharey=True)[0]
        for c, (ax, name) in enumerate(zip(axes, channels, strict=True)):
            _curves(ax, times, {key: each[:, :, c] for key, each in curves.items()})
            ax.set_title(name)
            ax.set_xlabel("t")
        axes[0].set_ylabel("relative L2 error")
        axes[-1].legend(loc="best", fontsize=8)
        figure.suptitle(title, fontsize=RULES["axes.titlesize"])
    return png(figure)


def _curves(ax: Any, times: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    ax.set_yscale("log")
    for (name, values), colour in zip(curves.items(), (BLUE, GREY, ORANGE), strict=False):
        # zero has no logarithm, and a rollout that blew up no mean
        kept = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        known = np.isfinite(kept).any(0)
        if not known.any():
            continue
        t, rows = times[known], kept[:, known]
        mark = "o" if known.sum() == 1 else ""
        ax.plot(t, np.nanmean(rows, 0), color=colour, label=name, marker=mark)
        ax.fill_between(
            t, np.nanmin(rows, 0), np.nanmax(rows, 0), color=colour, alpha=0.15, linewidth=0
        )
    ax.grid(True)
