import itertools
import math

import torch
from torch import Tensor

from zoo.spin.chains import Chains
from zoo.spin.dynamics import Dynamics
from zoo.spin.observables import Estimate, observables
from zoo.spin.thermodynamics import inverse

STEP = 0.1
"""The largest step in β of the integration to a free energy."""


def ladder(temperatures: Tensor) -> tuple[Tensor, Tensor]:
    """Temperatures from infinity down, with steps in β of 0.1 at most, and where each asked is.

    Chains exchange along it, and free energies are integrated along it.

    Returns:
        the ladder (k,), and the row of each temperature in it (r,).
    """
    asked = inverse(temperatures)
    known = torch.cat([torch.zeros(1, dtype=torch.float64), asked]).unique()
    rungs = [known[:1]]
    for low, high in itertools.pairwise(known):
        steps = math.ceil(float(high - low) / STEP - 1e-9)
        share = torch.arange(1, steps + 1, dtype=torch.float64) / steps
        rungs.append(low + share * (high - low))
    betas = torch.cat(rungs)
    rows = (betas[None] - asked[:, None]).abs().argmin(1)
    return 1 / betas, rows


def measured(
    dynamics: Dynamics, *, chains: int, sweeps: int, rng: torch.Generator, limit: int = 4096
) -> dict[str, Estimate]:
    """Observables of thermalised chains, each with its standard error.

    Args:
        dynamics: what moves them.
        chains: at each temperature.
        sweeps: recorded after thermalisation.
        rng: where all random numbers come from.
        limit: as in `Chains.thermalise`.

    Raises:
        ValueError: the chains have not decorrelated, with the time measured.
    """
    moved = Chains(dynamics, chains, rng=rng)
    moved.thermalise(limit=limit)
    return observables(moved.record(sweeps))


def chosen(found: dict[str, Estimate], rows: Tensor) -> dict[str, Estimate]:
    """The estimates of some of the temperatures."""
    return {name: Estimate(one.value[rows], one.error[rows]) for name, one in found.items()}
