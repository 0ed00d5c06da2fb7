"""Closed forms that heat, advection, Burgers and their union share."""

import math

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.errors import NoExact
from zoo.pde.waves import sines

WAVES = ((1, 2, 1), (2, -1, 1), (3, 1, -2))
"""Waves of the linear solution, with both signs; one dimension takes the first column."""
AMPLITUDES = (0.5, -0.3, 0.2)
PHASES = (0.4, 2.0, 5.0)
MEAN = 0.25
DEPTH = 1.5
"""Cole-Hopf's φ is DEPTH + cos ξ at time zero; nearer to 1 the front is steeper."""


def decaying_waves(box: Box, nu: Tensor, flow: Tensor, times: Tensor) -> Tensor:
    """u_t + a·grad u = ν Δu: MEAN + Σ A exp(-ν|k|²t) sin(k·(x - a t) + φ), (b, t, 1, *n).

    Shapes:
        nu (b,), flow (b, d), times (t,).
    """
    wave = torch.tensor(WAVES)[:, : box.dimension]
    k = wave.double() * (2 * math.pi / torch.tensor(box.lengths, dtype=torch.float64))
    damped = (-nu[:, None, None] * times[:, None] * k.square().sum(1)).exp()
    phase = torch.tensor(PHASES).double() - times[:, None] * (flow @ k.T)[:, None]
    u = sines(box, torch.tensor(AMPLITUDES).double() * damped, wave, phase)
    return (MEAN + u)[:, :, None]


def cole_hopf(box: Box, nu: Tensor, flow: Tensor, c: Tensor, times: Tensor) -> Tensor:
    """u_t + (a + u c)·grad u = ν Δu, c·k ≠ 0, along the diagonal wave k = 2π / L: (b, t, 1, *n).

    With C = c·k, V = ν|k|² and ξ = k·x - (a·k + C MEAN) t, C (u - MEAN) solves the 1-D Burgers
    equation w_t + w w_ξ = V w_ξξ; so w = -2V ∂_ξ ln φ with φ = DEPTH + exp(-V t) cos ξ.

    Shapes:
        nu (b,), flow and c (b, d), times (t,).
    Source:
        Hopf, Comm. Pure Appl. Math. 3 (1950); Cole, Quart. Appl. Math. 9 (1951).
    """
    k = 2 * math.pi / torch.tensor(box.lengths, dtype=torch.float64)
    front, damping = (c @ k)[:, None], (nu * k.square().sum())[:, None]
    # k·x is one of few whole fractions of a turn for each axis
    x = torch.stack([x / length for x, length in zip(box.points(), box.lengths, strict=True)])
    angle = (x.sum(0) * 2 * math.pi).expand(1, 1, 1, *box.shape)
    drift = ((flow @ k)[:, None] + front * MEAN) * times
    space = (..., *[None] * (box.dimension + 1))
    decay = (-damping * times).exp()[space]
    xi = angle - drift[space]
    w = 2 * damping[space] * decay * xi.sin() / (DEPTH + decay * xi.cos())
    return MEAN + w / front[space]


def fronts(box: Box, nu: Tensor, flow: Tensor, c: Tensor, times: Tensor) -> Tensor:
    """`cole_hopf` where c ≠ 0 and `decaying_waves` where c = 0, (b, t, 1, *n).

    Raises:
        NoExact: c ≠ 0 is perpendicular to the diagonal wave, along which the front would run.
    """
    k = 2 * math.pi / torch.tensor(box.lengths, dtype=torch.float64)
    still = (c == 0).all(1)
    across = ~still & ((c @ k).abs() < 1e-6 * c.norm(dim=1) * k.norm())
    if bool(across.any()):
        raise NoExact(
            f"c={c[across][0].tolist()} is perpendicular to the wave {k.tolist()}: the closed form "
            "needs c·k away from 0; take another c or other lengths"
        )
    linear = decaying_waves(box, nu, flow, times)
    if bool(still.all()):
        return linear
    front = cole_hopf(box, nu, flow, torch.where(still[:, None], torch.ones_like(c), c), times)
    return torch.where(still.view(-1, *(1,) * (linear.ndim - 1)), linear, front)
