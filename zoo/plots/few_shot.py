"""Error over the number of examples: fine-tuned beside from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from zoo.plots.style import BLUE, GREEN, GREY, ORANGE, RULES, png


@dataclass(frozen=True)
class Curve:
    """Errors of one way of training.

    Args:
        label: for the legend, such as "fine-tuned".
        examples: numbers of examples; 0 is drawn as a level line, since the axis is logarithmic.
        errors: for each of them, the errors of all seeds.
    """

    label: str
    examples: Sequence[int]
    errors: Sequence[Sequence[float]]


def few_shot(
    curves: Sequence[Curve],
    *,
    title: str = "",
    quantity: str = "relative L2 error",
    trivial: float | None = None,
) -> bytes:
    """Both axes logarithmic; a line through the means of the seeds, a band from least to greatest.

    Args:
        curves: one for each way of training, at most three.
        title: what was learnt.
        quantity: what the errors are.
        trivial: error of the best predictor that learns nothing, as a level line.

    Raises:
        ValueError: a curve has no points, or errors that are not positive.
    """
    with rc_context(RULES):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        ax = figure.subplots()
        for curve, colour, marker in zip(curves, (BLUE, ORANGE, GREEN), "os^", strict=False):
            _draw(ax, curve, colour, marker)
        if trivial is not None:
            ax.axhline(trivial, color=GREY, linestyle=":", label="best trivial predictor")
        ticks = sorted({n for curve in curves for n in curve.examples if n > 0})
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.grid(True, axis="y")
        ax.set_xlabel("training examples")
        ax.set_ylabel(quantity)
        ax.set_title(title)
        ax.legend()
    return png(figure)


def _draw(ax: Axes, curve: Curve, colour: str, marker: str) -> None:
    errors = [np.asarray(each, float) for each in curve.errors]
    if not errors or len(errors) != len(curve.examples):
        raise ValueError(
            f"{curve.label}: {len(curve.examples)} numbers of examples and {len(errors)} lists of "
            "errors; give one list for each number"
        )
    for n, each in zip(curve.examples, errors, strict=True):
        if not len(each) or not (each > 0).all():
            raise ValueError(f"{curve.label}: errors {each} at {n} examples must be positive")
    points = [(n, e) for n, e in zip(curve.examples, errors, strict=True) if n > 0]
    none = [e for n, e in zip(curve.examples, errors, strict=True) if n == 0]
    if none:
        label = f"{curve.label}, no examples"
        ax.axhline(float(none[0].mean()), color=colour, linestyle="--", linewidth=1.2, label=label)
    if not points:
        return
    x = [n for n, _ in points]
    seeds = max(len(e) for _, e in points)
    label = curve.label if seeds == 1 else f"{curve.label} ({seeds} seeds)"
    ax.plot(x, [e.mean() for _, e in points], color=colour, marker=marker, label=label)
    ax.fill_between(
        x, [e.min() for _, e in points], [e.max() for _, e in points], color=colour, alpha=0.18
    )
