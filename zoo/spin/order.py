import math

import torch
from jaxtyping import Float64, Integer
from torch import Tensor


def clock(s: Integer[Tensor, " b *n"], colours: int) -> Float64[Tensor, " b"]:
    """|M| per site: |Σ_x exp(2πi s_x / Q)| / N, which is |Σ_x σ_x| / N of Ising spins."""
    return clock_of_counts(s.flatten(1).T[None], colours)[0]


def clock_of_counts(s: Integer[Tensor, "r n c"], colours: int) -> Float64[Tensor, "r c"]:
    """The same of c lattices at each of r temperatures, as samplers lay them out."""
    sites = s.shape[1]
    total = torch.zeros(s.shape[0], s.shape[2], dtype=torch.complex128, device=s.device)
    for q in range(1, colours):
        # a sum of all directions is zero, so colour 0 is what the others lack
        angle = 2 * math.pi * q / colours
        weight = complex(math.cos(angle) - 1, math.sin(angle))
        total += weight * (s == q).sum(1).double()
    return (total + sites).abs() / sites
