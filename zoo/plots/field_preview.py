"""A field beside the truth: lines over one coordinate, or a plane through two of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.models.field import Field
from zoo.pde.points.equation import PointEquation
from zoo.plots.style import BLUE, DIVERGING, ORANGE, RULES, SEQUENTIAL, named, png

POINTS = 101
LINES = 3


def field_preview(model: Field, data: Any) -> bytes:
    """Truth, prediction, difference and residual of the first output, as PNG.

    One coordinate: lines for the first validation instances. More: a plane through the last two,
    with time at its end and the other coordinates in the middle, for the first instance.

    Args:
        model: what was trained.
        data: its `Points`.
    """
    equation: PointEquation = data.equation
    instances = data.instances.draw(equation)["validation"]
    if len(equation.coordinates) == 1:
        return _lines(model, equation, instances[:LINES])
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
    unit = named(name, equation.units.get(name))
    output = named(equation.outputs[0], equation.units.get(equation.outputs[0]))
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
    names = equation.coordinates[-2:]
    sides = [torch.linspace(*equation.region[n], POINTS, dtype=torch.float64) for n in names]
    grid = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, 1)
    fixed = {
        name: high if name == equation.time else (low + high) / 2
        for name, (low, high) in equation.region.items()
        if name in equation.coordinates[:-2]
    }
    before = torch.tensor(list(fixed.values()), dtype=torch.float64).expand(len(grid), -1)
    x = torch.cat([before, grid, instance.expand(len(grid), -1)], 1)
    seen, inside = _seen(model, equation, x), equation.inside(x[:, : len(equation.coordinates)])
    mask = inside.numpy()
    panels = _panels(
        seen, mask, named(equation.outputs[0], equation.units.get(equation.outputs[0]))
    )
    place = ", ".join(f"{name} = {value:g}" for name, value in fixed.items())
    with rc_context(RULES):
        figure = Figure(figsize=(3.1 * len(panels), 3.1), layout="constrained")
        if place:
            figure.suptitle(place, fontsize=10)
        for ax, (title, values, look) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            field = np.where(mask, values, np.nan).reshape(POINTS, POINTS)
            extent = tuple(float(v) for side in sides for v in (side[0], side[-1]))
            image = ax.imshow(field.T, origin="lower", extent=extent, aspect="auto", **look)
            ax.set_title(title)
            ax.set_xlabel(named(names[0], equation.units.get(names[0])))
            bar = figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
            bar.ax.tick_params(labelsize=8)
            bar.outline.set_visible(False)
        figure.axes[0].set_ylabel(named(names[1], equation.units.get(names[1])))
    return png(figure)


def _panels(seen: _Seen, mask: np.ndarray, name: str) -> list[tuple[str, np.ndarray, dict]]:
    def around(values: np.ndarray) -> dict:
        high = max(float(np.abs(values[mask]).max()), 1e-30)
        return {"cmap": DIVERGING, "vmin": -high, "vmax": high}

    residual = ("|residual|", seen.residual, {"cmap": SEQUENTIAL})
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
