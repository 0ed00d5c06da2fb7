import functools
import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde import diffusion
from zoo.pde.box import Box
from zoo.pde.equation import Equation, column, interval
from zoo.pde.sources import GaussianBumps


class AdvectionDiffusion(Equation):
    """-(1-l) div(D K grad u) + l v·grad u = f, periodic, zero mean.

    |v| = 1 with a uniform direction. l is chosen for a drawn ratio
    Ψ = ||l v·grad u|| / ||(1-l) div(D K grad u)||: it is the entry of a table of 59 values whose
    mean Ψ over 400 samples is nearest. So the labelled ratio is nominal: Ψ itself spreads around it
    by 10 to 45 per cent (tests/pde/test_equations.py). The coefficients hold D(1-l) K and l v.

    Units:
        dimensionless; lengths in units of the box.

    Args:
        ratio: interval of the nominal ratio Ψ of advection to diffusion; 0.004 to 15.
        eigenvalue: interval of the eigenvalue λ of K; the other is 1.
        diffusivity: D.
    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), SYS-2(adr1, adr2). The table is
        computed here: the paper does not print its own.
    """

    name: ClassVar[str] = "advection_diffusion"
    coefficients: ClassVar[tuple[str, ...]] = ("k11", "k22", "k12", "v1", "v2")
    units: ClassVar[dict[str, str]] = dict.fromkeys(
        ("f", "u", "k11", "k22", "k12", "v1", "v2"), "1"
    )
    zero_mean: ClassVar[bool] = True

    def __init__(
        self,
        ratio: tuple[float, float] = (0.2, 1.0),
        eigenvalue: tuple[float, float] = (1.0, 5.0),
        diffusivity: float = 0.01,
    ) -> None:
        self.ratio = interval(ratio, "ratio", 0.0)
        self.eigenvalue = interval(eigenvalue, "eigenvalue", 1e-6)
        self.diffusivity = diffusivity

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """As in Equation."""
        d, high = self.diffusivity, max(1.0, self.eigenvalue[1])
        lows, highs = self._shares(torch.tensor(self.ratio, dtype=torch.float64)).tolist()
        low = min(1.0, self.eigenvalue[0]) * d * (1 - highs)
        tensor = d * high * (1 - lows)
        cross = d * (1 - lows) * max(high - 1, 1 - min(1.0, self.eigenvalue[0])) / 2
        return {
            "k11": (low, tensor),
            "k22": (low, tensor),
            "k12": (-cross, cross),
            "v1": (-highs, highs),
            "v2": (-highs, highs),
        }

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in Equation."""
        tensor = self.diffusivity * diffusion.draw_tensor(count, self.eigenvalue, rng)
        draws = torch.rand((count, 2), generator=rng, dtype=torch.float64)
        low, high = self.ratio
        share = self._shares(low + (high - low) * draws[:, 0])[:, None]
        angle = 2 * math.pi * draws[:, 1:]
        direction = torch.cat([angle.cos(), angle.sin()], 1)
        return torch.cat([tensor * (1 - share), direction * share], 1)

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Equation."""
        flow = column(p, 3, box) * box.waves(0, odd=True)
        flow = flow + column(p, 4, box) * box.waves(1, odd=True)
        return torch.complex(diffusion.symbol(box, p), -flow)

    def exact(self, box: Box, p: Tensor) -> tuple[Tensor, Tensor]:
        """As in Equation: two plane waves."""
        u, hessian, gradient = diffusion.exact_parts(box, p)
        return -hessian + column(p, 3, box) * gradient[0] + column(p, 4, box) * gradient[1], u

    def ratios(self, box: Box, u: Tensor, p: Tensor) -> Tensor:
        """Ψ of each solution, (b,)."""
        symbol = self.linear(box, p)
        u_hat = box.transform(u)
        flow = box.inverse(symbol.imag * 1j * u_hat).flatten(1).norm(dim=1)
        return flow / box.inverse(symbol.real * u_hat).flatten(1).norm(dim=1)

    def _shares(self, ratio: Tensor) -> Tensor:
        shares, means = ratio_table(self.diffusivity)
        return shares[(ratio[:, None] - means).abs().argmin(1)]


@functools.cache
def ratio_table(diffusivity: float, count: int = 59, samples: int = 400) -> tuple[Tensor, Tensor]:
    """Shares l in [0.001, 0.978] and the mean Ψ that each gives, both (count,), float64.

    The shares are evenly spaced in log(l / (1-l)); each mean is over the same `samples` draws of
    source, tensor (λ in [1, 5]) and direction, seed 0, on a 64 x 64 grid.
    """
    rng = torch.Generator().manual_seed(0)
    box = Box((1.0, 1.0), (64, 64))
    f_hat = box.transform(GaussianBumps().draw(samples, box, rng))
    tensor = diffusivity * diffusion.draw_tensor(samples, (1.0, 5.0), rng)
    angle = 2 * math.pi * torch.rand((samples, 1), generator=rng, dtype=torch.float64)
    spread = diffusion.symbol(box, tensor)
    flow = angle.cos()[..., None] * box.waves(0, odd=True)
    flow = flow + angle.sin()[..., None] * box.waves(1, odd=True)
    # norms by Parseval: inner waves of the half transform count twice
    twice = torch.full((33,), 2.0, dtype=torch.float64)
    twice[0] = twice[-1] = 1.0
    source, spread_square, flow_square = f_hat.abs() ** 2 * twice, spread**2, flow**2
    source[:, 0, 0] = 0
    logit = torch.linspace(math.log(0.001 / 0.999), math.log(0.978 / 0.022), count).double()
    shares = torch.sigmoid(logit)
    means = []
    for share in shares:
        a, b = (1 - share) ** 2 * spread_square, share**2 * flow_square
        power = source / (a + b).clamp_min(1e-30)
        ratio = (power * b).sum((1, 2)) / (power * a).sum((1, 2))
        means.append(ratio.sqrt().mean())
    return shares, torch.stack(means)
