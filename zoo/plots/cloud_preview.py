"""A field of many coordinates beside the truth, at points drawn by the equation's law."""

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.models.field import Field
from zoo.pde.points.equation import PointEquation
from zoo.plots.style import BLUE, GREY, ORANGE, RULES, named, png

POINTS = 1000


def cloud_preview(model: Field, equation: PointEquation) -> bytes:
    """Prediction against truth, and what is wrong with it over time or the radius, as PNG.

    Beside the difference stands that of the best constant at the same points: a field whose points
    scatter as widely has learned nothing. No derivative is taken. Of the first output.

    Args:
        model: what was trained.
        equation: its equation.
    """
    x = equation.draw(POINTS, torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = model(x.to(next(model.parameters()).dtype))[:, 0].double().numpy()
        truth = None if equation.closed else equation.solution(x)[:, 0].numpy()
    place, word = _place(equation, x)
    output = named(equation.outputs[0], equation.units.get(equation.outputs[0]))
    with rc_context(RULES):
        figure = Figure(figsize=(9.6, 3.4), layout="constrained")
        if truth is None:
            ax = figure.subplots()
            ax.plot(place, found, ".", color=BLUE, ms=3)
            ax.set(xlabel=word, ylabel=f"prediction {output}")
            return png(figure)
        left, right = figure.subplots(1, 2)
        ends = [min(truth.min(), found.min()), max(truth.max(), found.max())]
        left.plot(ends, ends, color=GREY, lw=0.8)
        left.plot(truth, found, ".", color=BLUE, ms=3)
        left.set(xlabel=f"truth {output}", ylabel="prediction")
        right.plot(place, truth.mean() - truth, ".", color=ORANGE, ms=3, label="best constant")
        right.plot(place, found - truth, ".", color=BLUE, ms=3, label="prediction")
        right.set(xlabel=word, ylabel="difference from the truth")
        right.legend(fontsize=8, markerscale=3)
    return png(figure)


def _place(equation: PointEquation, x: torch.Tensor) -> tuple[np.ndarray, str]:
    """Where points lie: their time, or their distance from the origin where there is none."""
    if equation.time is None:
        return x[:, : len(equation.coordinates)].norm(dim=1).numpy(), "|x|"
    word = named(equation.time, equation.units.get(equation.time))
    return x[:, equation.axis(equation.time)].numpy(), word
