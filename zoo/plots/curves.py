"""Observables of a learned energy against temperature, beside the reference's."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.models.energy_model import EnergyModel
from zoo.plots.style import BLUE, GREY, RULES, png
from zoo.spin.energy import Energy
from zoo.spin.measured import chosen, ladder, measured
from zoo.spin.observables import Estimate
from zoo.spin.reference import reference

PANELS = (
    *("magnetisation", "energy", "heat_capacity"),
    *("susceptibility", "free_energy", "entropy"),
)
Curves = dict[str, Estimate]


def curves(
    temperatures: Sequence[float], learned: Mapping[str, Estimate], true: Mapping[str, Estimate]
) -> bytes:
    """One panel an observable, per site: the reference a line, the learned dots with errors. PNG.

    Args:
        temperatures: of both.
        learned: as `EnergyModel.observables` gives them.
        true: the same of the reference.
    """
    t = torch.as_tensor(temperatures).flatten()
    order = t.argsort()
    with rc_context(RULES):
        figure = Figure(figsize=(10.2, 5.4), layout="constrained")
        for ax, name in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
            value, error = (part[order].numpy() for part in true[name])
            ax.fill_between(t[order], value - error, value + error, color=GREY, alpha=0.4, lw=0)
            ax.plot(t[order], value, color=GREY, lw=1, label="reference")
            value, error = (part.numpy() for part in learned[name])
            ax.errorbar(t, value, error, fmt="o", color=BLUE, ms=3, lw=1, label="learned")
            ax.set(xlabel="temperature", title=name.replace("_", " "))
        figure.axes[0].legend()
    return png(figure)


def against_reference(
    model: EnergyModel,
    energy: Energy,
    temperatures: Sequence[float],
    shape: tuple[int, ...] | None = None,
    *,
    chains: int = 256,
    sweeps: int = 1000,
    rng: torch.Generator,
) -> tuple[bytes, Curves, Curves]:
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
    return curves(temperatures, learned, true), learned, true
