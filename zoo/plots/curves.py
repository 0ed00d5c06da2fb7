"""Observables of learned energies against temperature, beside the reference's."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from zoo.models.energy_model import EnergyModel
from zoo.plots.style import BLUE, GREEN, GREY, ORANGE, RULES, png
from zoo.spin.energy import Energy
from zoo.spin.measured import chosen, ladder, measured
from zoo.spin.observables import Estimate
from zoo.spin.reference import reference

PANELS = (
    *("magnetisation", "energy", "heat_capacity"),
    *("susceptibility", "free_energy", "entropy"),
)
ROWS = ("magnetisation", "energy", "heat_capacity")
"""What is drawn where there are several lattices."""
COLOURS = (BLUE, ORANGE, GREEN)
Curves = Mapping[str, Estimate]
Named = Sequence[tuple[str, Curves]]
"""Learned curves with their labels; those of one label differ in their seed."""


class Column(NamedTuple):
    """One lattice: temperatures, learned curves, and the reference's if it is known."""

    temperatures: Tensor
    learned: Named
    true: Curves | None


def curves(temperatures: Sequence[float] | Tensor, learned: Named, true: Curves | None) -> bytes:
    """One panel an observable, per site: the reference a line, the learned dots with errors. PNG.

    Args:
        temperatures: of all.
        learned: labels, and curves as `EnergyModel.observables` gives them.
        true: the same of the reference; None where it is unknown.
    """
    column = Column(torch.as_tensor(temperatures).flatten(), learned, true)
    with rc_context(RULES):
        figure = Figure(figsize=(10.2, 5.4), layout="constrained")
        for ax, name in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
            _panel(ax, column, name)
            ax.set(xlabel="temperature", title=name.replace("_", " "))
        figure.axes[0].legend()
    return png(figure)


def lattices(columns: Mapping[str, Column]) -> bytes:
    """A column of panels for each lattice, a row for each observable that it has. PNG."""
    told = {name for one in columns.values() for _, found in one.learned for name in found}
    rows = [name for name in ROWS if name in told]
    size = (1 + 3.0 * len(columns), 0.6 + 2.3 * len(rows))
    with rc_context(RULES):
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(rows), len(columns), sharex="col", squeeze=False)
        for line, name in zip(grid, rows, strict=True):
            for ax, column in zip(line, columns.values(), strict=True):
                _panel(ax, column, name)
            line[0].set_ylabel(name.replace("_", " "))
        for title, top, bottom in zip(columns, grid[0], grid[-1], strict=True):
            top.set_title(title)
            bottom.set_xlabel("temperature")
        grid[0, 0].legend()
    return png(figure)


def _panel(ax: Any, column: Column, name: str) -> None:
    order = column.temperatures.argsort()
    t = column.temperatures[order]
    if column.true is not None and name in column.true:
        value, error = (part[order].numpy() for part in column.true[name])
        ax.fill_between(t, value - error, value + error, color=GREY, alpha=0.4, lw=0)
        ax.plot(t, value, color=GREY, lw=1, label="reference")
    labels = list(dict.fromkeys(label for label, _ in column.learned))
    drawn: set[str] = set()
    for label, found in column.learned:
        value, error = (part[order].numpy() for part in found[name])
        colour = COLOURS[labels.index(label) % len(COLOURS)]
        shown = label if label not in drawn else None
        ax.errorbar(t, value, error, fmt="o", color=colour, ms=3, lw=1, label=shown)
        drawn.add(label)


def against_reference(
    model: EnergyModel,
    energy: Energy,
    temperatures: Sequence[float],
    shape: tuple[int, ...] | None = None,
    *,
    chains: int = 256,
    sweeps: int = 1000,
    rng: torch.Generator,
) -> tuple[bytes, dict[str, Estimate], dict[str, Estimate]]:
    """Measure a learned and the true energy by chains of their own, and draw both.

    Args:
        model: of the learned one.
        energy: the true one.
        temperatures: as in `EnergyModel.observables`, so are the others.
        shape: of the lattice.
        chains: at each temperature.
        sweeps: recorded after thermalisation.
        rng: where all random numbers come from.

    Returns:
        the picture as PNG, the learned curves and the reference's.
    """
    learned = model.observables(temperatures, shape, chains=chains, sweeps=sweeps, rng=rng)
    rungs, rows = ladder(torch.as_tensor(temperatures, dtype=torch.float64).flatten())
    dynamics = reference(energy, rungs, model.shape if shape is None else tuple(shape))
    true = chosen(measured(dynamics, chains=chains, sweeps=sweeps, rng=rng), rows)
    return curves(temperatures, [("learned", learned)], true), learned, true
