"""Figures of several methods, a dot for each seed."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.plots.style import BLUE, ORANGE, RULES, png


def methods(values: Mapping[str, Mapping[str, Sequence[float]]]) -> bytes:
    """One panel a figure on a logarithmic axis, one line a method; the mean is a bar. PNG.

    Args:
        values: by figure and method, one number for each seed.
    """
    names = list(dict.fromkeys(name for each in values.values() for name in each))
    with rc_context(RULES):
        size = (1.6 + 2.3 * len(values), 0.9 + 0.26 * len(names))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(values), squeeze=False, sharey=True)[0]
        for ax, (title, each) in zip(axes, values.items(), strict=True):
            for place, name in enumerate(names):
                found = [value for value in each.get(name, ()) if value > 0]
                if found:
                    ax.plot(found, [place] * len(found), "o", color=BLUE, ms=4, alpha=0.7)
                    ax.plot([sum(found) / len(found)], [place], "|", color=ORANGE, ms=11, mew=2)
            ax.set_xscale("log")
            ax.set_title(title.partition("/")[2])
            ax.grid(axis="x")
        axes[0].set_yticks(range(len(names)), names)
        axes[0].invert_yaxis()
    return png(figure)
