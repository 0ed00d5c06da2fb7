"""Learned against true energies of lattices of spins."""

from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.models.energy_model import EnergyModel
from zoo.plots.style import BLUE, GREY, ORANGE, RULES, png

LATTICES = 1000


@torch.no_grad()
def energy_preview(model: EnergyModel, data: Any) -> bytes:
    """Energies of validation lattices, of the data's temperature and of independent spins, as PNG.

    Args:
        model: what was trained.
        data: its data module of spins, whose energy is known.
    """
    with rc_context(RULES):
        figure = Figure(figsize=(4.4, 3.8), layout="constrained")
        ax, ends = figure.subplots(), []
        for kind, colour in (("thermal", BLUE), ("uniform", ORANGE)):
            batch = next(one for one in data.batches("validation") if one["kind"] == kind)
            true = batch["label"][:LATTICES]
            learned = model.energy(batch["s"][:LATTICES])
            word = f"T = {data.temperature:g}" if kind == "thermal" else "independent spins"
            ax.plot(true.numpy(), learned.numpy(), ".", color=colour, ms=3, label=word)
            ends += [float(true.min()), float(true.max())]
        line = [min(ends), max(ends)]
        ax.plot(line, line, color=GREY, lw=0.8)
        ax.set(xlabel="true energy", ylabel="learned energy")
        ax.legend()
    return png(figure)
