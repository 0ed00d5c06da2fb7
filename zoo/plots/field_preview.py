"""A field beside the truth: lines over one coordinate, or a plane through two of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.models.field import Field
from zoo.pde.points.equation import PointEquation
from zoo.plots.cloud_preview import cloud_preview
from zoo.plots.style import BLUE, DIVERGING, ORANGE, RULES, SEQUENTIAL, named, png

POINTS = 101
LINES = 3
PLANES = 4
"""Coordinates up to which a plane through two of them tells something."""


def field_preview(model: Field, data: Any) -> bytes:
    """Truth, prediction, difference and residual of the first output, as PNG.

    One coordinate: lines for the first validation instances. More: a plane through the last two,
    with time at its end and the other coordinates in the middle, for the first instance. The
    residual is the root of the sum of squares over equations. Many: see `cloud_preview`.

    Args:
        model: what was trained.
        data: its `Points`.
    """
    equation: PointEquation = data.equation
    instances = data.instances.draw(equation)["validation"]
    if len(equation.coordinates) == 1:
        return _lines(model, equation, instances[:LINES])
    if len(equation.coordinates) > PLANES:
        return cloud_preview(model, equation)
    return _plane(model, equation, instances[0])


@dataclass(frozen=True)
class _Seen:
    """What is drawn at each point: (n,) arrays; no truth where there is no solution."""

    prediction: np.ndarray
    residual: np.ndarray
    truth: np.ndarray | None


@torch.no_grad()
def _seen(model: Field, equation: PointEquation, x: torch.Tensor) -> _Seen:
    points = x.to(next(model.parameters()).dtype)
    jet = model.jet(points)
    residual = equation.residual(points, jet).square().sum(1).sqrt()
    truth = None if equation.closed else equation.solution(x)[:, 0].numpy()
    return _Seen(jet.value[:, 0].double().numpy(), residual.double().numpy(), truth)


def _lines(model: Field, equation: PointEquation, instances: torch.Tensor) -> bytes:
    name = equation.coordinates[0]
    axis = torch.linspace(*equation.region[name], 4 * POINTS, dtype=torch.float64)
    unit, output = _word(equation, name), _word(equation, equation.outputs[0])
    with rc_context(RULES):
        figure = Figure(figsize=(9.6, 2.2 * len(instances) + 0.3), layout="constrained")
        axes = figure.subplots(len(instances), 2, squeeze=False, sharex=True)
        for row, instance in zip(axes, instances, strict=True):
            seen = _seen(
                model, equation, torch.cat([axis[:, None], instance.expand(len(axis), -1)], 1)
            )
            if seen.truth is not None:
                row[0].plot(axis, seen.truth, color=BLUE, label="truth")
                row[1].plot(axis, seen.prediction - seen.truth, color=BLUE, label="difference")
            row[0].plot(axis, seen.prediction, color=ORANGE, ls="--", label="prediction")
            row[1].plot(axis, seen.residual, color=ORANGE, lw=0.8, label="|residual|")
            told = zip(equation.parameters, instance.tolist(), strict=True)
            row[0].set_title(", ".join(f"{key} = {value:.3g}" for key, value in told))
            row[0].set_ylabel(output)
        for ax in axes[0]:
            ax.legend(fontsize=8)
        for ax in axes[-1]:
            ax.set_xlabel(unit)
    return png(figure)


def _plane(model: Field, equation: PointEquation, instance: torch.Tensor) -> bytes:
    x, place = _through(equation, instance)
    seen, inside = _seen(model, equation, x), equation.inside(x[:, : len(equation.coordinates)])
    panels = _panels(seen, inside.numpy(), _word(equation, equation.outputs[0]))
    names = equation.coordinates[-2:]
    look: dict[str, Any] = {
        "origin": "lower",
        "extent": [end for name in names for end in equation.region[name]],
        # lengths are comparable with one another, not with times
        "aspect": "auto" if equation.time in names else "equal",
    }
    with rc_context(RULES):
        figure = Figure(figsize=(3.1 * len(panels), 3.1), layout="constrained")
        if place:
            figure.suptitle(place, fontsize=10)
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, (title, values, colours) in zip(axes, panels, strict=True):
            field = np.where(inside.numpy(), values, np.nan).reshape(POINTS, POINTS)
            image = ax.imshow(field.T, **look, **colours)
            ax.set_title(title)
            ax.set_xlabel(_word(equation, names[0]))
            bar = figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
            bar.ax.tick_params(labelsize=8)
            bar.outline.set_visible(False)
        axes[0].set_ylabel(_word(equation, names[1]))
    return png(figure)


def _through(equation: PointEquation, instance: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Points of the plane, (POINTS², D), and where it lies, in words."""
    *others, a, b = equation.coordinates
    sides = [torch.linspace(*equation.region[n], POINTS, dtype=torch.float64) for n in (a, b)]
    grid = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, 1)
    ends = {name: equation.region[name] for name in others}
    fixed = {n: high if n == equation.time else (low + high) / 2 for n, (low, high) in ends.items()}
    before = torch.tensor(list(fixed.values()), dtype=torch.float64).expand(len(grid), -1)
    told = fixed | dict(zip(equation.parameters, instance.tolist(), strict=True))
    place = ", ".join(f"{name} = {value:.3g}" for name, value in told.items())
    return torch.cat([before, grid, instance.expand(len(grid), -1)], 1), place


def _word(equation: PointEquation, name: str) -> str:
    return named(name, equation.units.get(name))


def _panels(seen: _Seen, mask: np.ndarray, name: str) -> list[tuple[str, np.ndarray, dict]]:
    def around(values: np.ndarray) -> dict:
        high = max(float(np.abs(values[mask]).max()), 1e-30)
        return {"cmap": DIVERGING, "vmin": -high, "vmax": high}

    residual = ("|residual|", seen.residual, {"cmap": SEQUENTIAL, "vmin": 0.0})
    if seen.truth is None:
        return [(f"prediction {name}", seen.prediction, around(seen.prediction)), residual]
    look = around(seen.truth)
    difference = seen.prediction - seen.truth
    return [
        (f"truth {name}", seen.truth, look),
        (f"prediction {name}", seen.prediction, look),
        ("difference", difference, around(difference)),
        residual,
    ]
