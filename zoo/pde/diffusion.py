"""The diffusion tensor that the steady family shares: draw, symbol, closed form."""

import math

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.equation import column

EXACT_WAVES = ((1, 2), (3, -1))
"""Integer waves of the closed-form solution Σ sin(2π k·x / L): both have cross terms."""


def draw_tensor(count: int, eigenvalue: tuple[float, float], rng: torch.Generator) -> Tensor:
    """K = R(θ)ᵀ diag(1, λ) R(θ), λ uniform in `eigenvalue`, θ in [0, 2π): (count, 3).

    The order is k11, k22, k12. One eigenvalue is always 1.

    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), SYS-1.
    """
    low, high = eigenvalue
    draws = torch.rand((count, 2), generator=rng, dtype=torch.float64)
    large = low + (high - low) * draws[:, 0]
    angle = 2 * math.pi * draws[:, 1]
    c, s = angle.cos(), angle.sin()
    return torch.stack([c**2 + large * s**2, s**2 + large * c**2, (1 - large) * c * s], 1)


def symbol(box: Box, p: Tensor) -> Tensor:
    """Symbol of div(K grad ·) for K = (k11, k22, k12) in the first three columns of p."""
    k1, k2 = box.waves(0), box.waves(1)
    # the cross term is odd along each axis, so its Nyquist waves are zero
    cross = box.waves(0, odd=True) * box.waves(1, odd=True)
    k11, k22, k12 = (column(p, i, box) for i in range(3))
    return -(k11 * k1**2 + k22 * k2**2 + 2 * k12 * cross)


def exact_parts(box: Box, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U = Σ sin(k·x), K:∇∇u and ∇u = (d, b, *n), each written out by hand."""
    x = box.points()
    k11, k22, k12 = (column(p, i, box) for i in range(3))
    zero = torch.zeros((len(p), *box.shape), dtype=torch.float64)
    u, hessian, first, second = zero, zero, zero, zero
    for wave in EXACT_WAVES:
        a, b = (2 * math.pi * w / length for w, length in zip(wave, box.lengths, strict=True))
        phase = a * x[0] + b * x[1]
        u = u + phase.sin()
        hessian = hessian - (k11 * a * a + k22 * b * b + 2 * k12 * a * b) * phase.sin()
        first, second = first + a * phase.cos(), second + b * phase.cos()
    return u, hessian, torch.stack([first, second])
