"""Error ratios to training from scratch, by strategy: one colour a system, a point a seed."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from zoo.plots.style import BLUE, GREEN, GREY, ORANGE, RULES, png

COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
"""Of the Okabe-Ito palette, as in zoo.plots.style."""
Ratios = Mapping[str, Mapping[str, tuple[float, Sequence[float]]]]


def comparison(blocks: Mapping[str, Ratios], *, title: str = "", quantity: str = "error") -> bytes:
    """A panel for each block, one below the other; a bar for each mean, a point for each seed.

    Args:
        blocks: by heading, such as "n = 100": ratios by strategy and system, each the mean ratio
            and that of every seed; what is absent is not drawn, nor what is no number.
        title: what was compared.
        quantity: what the ratio is of.

    Raises:
        ValueError: there is nothing to draw, or a ratio that is not positive.
    """
    strategies = list(dict.fromkeys(s for block in blocks.values() for s in block))
    systems = list(dict.fromkeys(n for b in blocks.values() for row in b.values() for n in row))
    if not strategies or not systems:
        raise ValueError("no ratio to draw; give at least one strategy with one system")
    with rc_context(RULES):
        size = (max(6.4, 1.6 + 0.9 * len(strategies)), 0.8 + 2.9 * len(blocks))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(blocks), 1, squeeze=False, sharex=True, sharey=True)[
            :, 0
        ].tolist()
        for ax, (heading, block) in zip(axes, blocks.items(), strict=True):
            _draw(ax, block, strategies, systems)
            ax.set_title(heading)
            ax.set_ylabel(f"{quantity} / from scratch")
        axes[-1].set_xticks(range(len(strategies)), strategies, rotation=30, ha="right")
        handles, labels = _named(axes)
        figure.legend(handles, labels, loc="outside right upper")
        figure.suptitle(title, fontsize=RULES["axes.titlesize"])
    return png(figure)


def _draw(ax: Axes, block: Ratios, strategies: Sequence[str], systems: Sequence[str]) -> None:
    width = 0.8 / len(systems)
    ax.set_yscale("log")
    for j, system in enumerate(systems):
        colour = COLOURS[j % len(COLOURS)]
        # beyond six systems the colours repeat, so the bars are hatched
        hatch = "" if j < len(COLOURS) else "//"
        label: str | None = system
        for i, strategy in enumerate(strategies):
            mean, seeds = block.get(strategy, {}).get(system, (math.nan, ()))
            if not math.isfinite(mean):
                continue
            if mean <= 0 or any(each <= 0 for each in seeds):
                raise ValueError(f"{strategy} on {system}: ratios {mean}, {seeds} must be positive")
            x = i + (j - (len(systems) - 1) / 2) * width
            ax.bar(
                x, mean - 1, 0.9 * width, bottom=1, color=colour, alpha=0.45, hatch=hatch,
                label=label,
            )  # fmt: skip
            label = None
            ax.hlines(mean, x - 0.45 * width, x + 0.45 * width, color=colour, linewidth=1.4)
            spread = x + np.linspace(-0.2, 0.2, len(seeds)) * width * (len(seeds) > 1)
            ax.plot(spread, seeds, "o", color=colour, markersize=3.2)
    ax.axhline(1, color=GREY, linewidth=1)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(True, axis="y")


def _named(axes: Sequence[Axes]) -> tuple[list, list[str]]:
    """Each system once, whichever panel shows it first."""
    found = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
