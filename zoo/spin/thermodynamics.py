from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor


class Thermodynamics(NamedTuple):
    """Free energy F, energy U, entropy S = (U - F) / T and heat capacity C, each per site.

    Shapes:
        one number for each temperature.

    Units:
        F and U in the unit of energy; S and C are dimensionless (k_B = 1).
    """

    free_energy: Tensor
    energy: Tensor
    entropy: Tensor
    heat_capacity: Tensor


def inverse(temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
    """β = 1 / T of each temperature; infinite temperature is β = 0.

    Raises:
        ValueError: no temperature, or one that is not above 0.
    """
    t = torch.as_tensor(temperatures, dtype=torch.float64).flatten()
    if not len(t):
        raise ValueError("temperatures=[] names none; give at least one above 0")
    if not bool((t > 0).all()):
        worst = float(t[~(t > 0)][0])
        raise ValueError(
            f"temperature={worst:g} must be above 0: Boltzmann's law has no lattice to draw at or "
            "below it; take a small positive one for the ground state"
        )
    return 1.0 / t


def from_partition(
    log_z: Callable[[Tensor], Tensor], temperatures: Sequence[float] | Tensor, sites: int
) -> Thermodynamics:
    """All four from ln Z(β) and its first two derivatives, by autograd.

    Args:
        log_z: of the whole lattice; each number depends on its own β alone.
        temperatures: where.
        sites: of the lattice.
    """
    betas = inverse(temperatures).requires_grad_()
    value = log_z(betas)
    (slope,) = torch.autograd.grad(value.sum(), betas, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), betas)
    beta, per_site = betas.detach(), value.detach() / sites
    energy = -slope.detach() / sites
    return Thermodynamics(
        -per_site / beta, energy, per_site + beta * energy, beta**2 * curvature / sites
    )
