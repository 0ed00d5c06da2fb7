import math
from typing import ClassVar

from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class SteadyAllenCahn(PointEquation):
    """λ Δu + u³ - u = f on [-1, 1]², with u = sin(πx) sin(πy) and the source f that belongs to it.

    u is zero at the sides, Δu = -2π² u.

    Units:
        dimensionless.

    Args:
        diffusion: λ.
    Source:
        Trenta, Cossu & Bacciu, arXiv 2505.01391, the Allen-Cahn experiment.
    """

    name: ClassVar[str] = "steady_allen_cahn"
    coordinates = ("x", "y")
    units = dict.fromkeys(("u", "x", "y"), "1")

    def __init__(self, diffusion: float = 0.01) -> None:
        self.diffusion = diffusion

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return (math.pi * x[:, :1]).sin() * (math.pi * x[:, 1:2]).sin()

    def source(self, x: Tensor) -> Tensor:
        """f, (b, 1)."""
        u = self.solution(x)
        return self.diffusion * (-2 * math.pi**2 * u) + u**3 - u

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.diffusion * jet.laplacian() + jet.value**3 - jet.value

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) - self.source(x)
