"""Energy spectra of a trajectory, true and predicted, at a few times."""

from typing import Any

import numpy as np
import torch
from matplotlib import colormaps, rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from zoo.ops import shells
from zoo.plots.style import GREY, RULES, SEQUENTIAL, png
from zoo.plots.track import Track, spread

TIMES = 3
DEPTH = 1e-12
"""Of the greatest energy: what is below is round-off of float32 and is not drawn."""


def spectrum(track: Track) -> bytes:
    """Energy by wave number of truth (lines) and prediction (dashes), as PNG, a panel a channel.

    Args:
        track: the trajectory; of a box that is not periodic it is continued periodically.
    """
    chosen = spread(len(track.times), TIMES)
    predicted = energies(track, track.prediction[chosen])
    true = None if track.truth is None else energies(track, track.truth[chosen])
    step = shells.spacing(track.box)
    k = step * np.arange(1, predicted.shape[2])
    with rc_context(RULES):
        count = len(track.channels)
        figure = Figure(figsize=(3.4 * count + 1.4, 3.4), layout="constrained")
        axes = figure.subplots(1, count, squeeze=False)[0]
        for c, ax in enumerate(axes):
            for i, frame in enumerate(chosen):
                colour = colormaps[SEQUENTIAL](0.85 * i / max(1, len(chosen) - 1))
                label = f"t = {track.times[frame]:.4g}"
                if true is not None:
                    _draw(ax, k, true[i, c, 1:], color=colour, linewidth=2.2, alpha=0.6)
                _draw(ax, k, predicted[i, c, 1:], color=colour, linestyle="--", label=label)
            ax.set_title(track.label(c))
            ax.set_xlabel("wave number k")
            # an octave or two has no room for the names of its smaller marks
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.grid(True)
        axes[0].set_ylabel("energy in a shell")
        if true is not None:
            axes[-1].plot([], [], color=GREY, linewidth=2.2, alpha=0.6, label="truth")
        axes[-1].plot([], [], color=GREY, linestyle="--", label="prediction")
        axes[-1].legend(loc="best", fontsize=8)
        figure.suptitle(track.title, fontsize=RULES["axes.titlesize"])
    return png(figure)


def energies(track: Track, fields: np.ndarray) -> np.ndarray:
    """Energy by shell of frames (t, c, *n), (t, c, shells)."""
    step = shells.spacing(track.box)
    count = shells.count(fields.shape[2:], track.box, step)
    return shells.energy(torch.as_tensor(fields), track.box, step, max(2, count)).numpy()


def _draw(ax: Any, k: np.ndarray, energy: np.ndarray, **style: Any) -> None:
    top = np.nanmax(energy, initial=0.0)
    kept = np.isfinite(energy) & (energy > DEPTH * top)
    if kept.any():
        ax.loglog(k[kept], energy[kept], **style)
