import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Kovasznay(PointEquation):
    """(u·∇)u + ∇p = ν Δu, div u = 0, ν = 1/Re: the flow behind a grid of cylinders.

    u = 1 - e^(λx) cos 2πy, v = (λ / 2π) e^(λx) sin 2πy, p = (1 - e^(2λx)) / 2 with
    λ = Re/2 - √(Re²/4 + 4π²): -0.7775 for Re = 50, -0.9637 for Re = 40. Residuals are the momentum
    along x and y, then the divergence. Values at the sides include the pressure.

    Units:
        dimensionless: lengths in spacings of the grid, speeds in that of the mean flow.

    Args:
        reynolds: Re.
    Source:
        Kovasznay, Proc. Camb. Phil. Soc. 44 (1948); Trenta, Cossu & Bacciu, arXiv 2505.01391, its
        code, for the box.
    """

    name: ClassVar[str] = "kovasznay"
    coordinates = ("x", "y")
    outputs: ClassVar[tuple[str, ...]] = ("u", "v", "p")
    units = dict.fromkeys(("u", "v", "p", "x", "y"), "1")

    def __init__(self, reynolds: float = 50.0) -> None:
        if not reynolds > 0:
            raise ValueError(f"reynolds={reynolds} must be positive")
        self.reynolds = reynolds

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"x": (-1.0, 1.0), "y": (-0.5, 1.5)}

    @property
    def decay(self) -> float:
        """λ, the negative root of λ² - Re λ - 4π² = 0."""
        # not the difference of the formula, which cancels at high Re
        half = self.reynolds / 2
        return -4 * math.pi**2 / (half + math.sqrt(half**2 + 4 * math.pi**2))

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        fade, turn = (self.decay * x[:, 0]).exp(), 2 * math.pi * x[:, 1]
        u = 1 - fade * turn.cos()
        v = self.decay / (2 * math.pi) * fade * turn.sin()
        return torch.stack([u, v, (1 - fade**2) / 2], 1)

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        velocity, slopes = jet.value[:, :2], jet.gradient
        carried = (velocity[:, None] * slopes[:, :2]).sum(2)
        momentum = carried + slopes[:, 2] - jet.laplacian()[:, :2] / self.reynolds
        divergence = slopes[:, 0, 0] + slopes[:, 1, 1]
        return torch.cat([momentum, divergence[:, None]], 1)
