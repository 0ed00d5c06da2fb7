from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation

BLOBS = ((-0.3, -0.6), (-0.1, 0.2), (0.5, -0.5), (0.5, 0.4))
"""Centres of the Gaussians at t = 0."""
SPREAD = 0.05
"""Each is exp(-|x - c|² / 0.05)."""


class Continuity(PointEquation):
    """∂ρ/∂t + div(ρ v) = 0 under the rotation v = (-y, x): four Gaussians carried around.

    The solution is ρ₀(R(-t) x), with period 2π; v has no divergence, so nothing is squeezed. Values
    at the sides of [-1.5, 1.5]² are those of the solution, which reaches 4e-6 there.

    Units:
        dimensionless; one turn takes 2π.

    Args:
        end: of the time interval, which begins at 0.
    Source:
        Trenta, Cossu & Bacciu, arXiv 2505.01391, the continuity equation, t to 10; their reference
        is a first-order upwind scheme, which spreads the Gaussians, and their boundary values are
        zeros at ±1, inside the domain.
    """

    name: ClassVar[str] = "continuity"
    coordinates = ("t", "x", "y")
    outputs: ClassVar[tuple[str, ...]] = ("rho",)
    units = dict.fromkeys(("rho", "t", "x", "y"), "1")
    time: ClassVar[str | None] = "t"

    def __init__(self, end: float = 2.0) -> None:
        if not end > 0:
            raise ValueError(f"end={end} of the time interval must be after 0")
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"t": (0.0, self.end), "x": (-1.5, 1.5), "y": (-1.5, 1.5)}

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        turn, across, up = x.unbind(1)
        # where the point was at t = 0
        cosine, sine = turn.cos(), turn.sin()
        back = torch.stack([across * cosine + up * sine, up * cosine - across * sine], 1)
        centres = x.new_tensor(BLOBS)
        distance = (back[:, None] - centres).square().sum(2)
        return (-distance / SPREAD).exp().sum(1, keepdim=True)

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation: ρ_t - y ρ_x + x ρ_y, since div v = 0."""
        rho_t, rho_x, rho_y = jet.gradient.unbind(-1)
        return rho_t - x[:, 2:3] * rho_x + x[:, 1:2] * rho_y
