import math
from typing import ClassVar

from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.equation import interval
from zoo.pde.points.equation import PointEquation


class DecayingAllenCahn(PointEquation):
    """λ Δu + u³ - u = f on [-1, 1]² for every λ: u = sin(πx) sin(πy) e^(-λ(x + 0.7)).

    λ is the parameter `diffusion`; the source f follows from u. u is zero at the sides, to the
    round-off of sin π, which the growth e^(0.3 λ) at x = -1 hardly lifts.

    Units:
        dimensionless.

    Args:
        diffusion: interval of λ.
    Source:
        Trenta, Cossu & Bacciu, arXiv 2505.01391, the first parametric Allen-Cahn family ("exp").
    """

    name: ClassVar[str] = "decaying_allen_cahn"
    coordinates = ("x", "y")
    parameters: ClassVar[tuple[str, ...]] = ("diffusion",)
    units = dict.fromkeys(("u", "x", "y", "diffusion"), "1")

    def __init__(self, diffusion: tuple[float, float] = (0.0, math.pi)) -> None:
        self.diffusion = interval(diffusion, "diffusion", 0.0)

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"x": (-1.0, 1.0), "y": (-1.0, 1.0), "diffusion": self.diffusion}

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        decay = (-x[:, 2:3] * (x[:, :1] + 0.7)).exp()
        return (math.pi * x[:, :1]).sin() * (math.pi * x[:, 1:2]).sin() * decay

    def source(self, x: Tensor) -> Tensor:
        """f, (b, 1), with Δu = (λ² - 2π²) u - 2πλ cos(πx) sin(πy) e^(-λ(x + 0.7))."""
        rate, u = x[:, 2:3], self.solution(x)
        decay = (-rate * (x[:, :1] + 0.7)).exp()
        turned = (math.pi * x[:, :1]).cos() * (math.pi * x[:, 1:2]).sin() * decay
        laplacian = (rate**2 - 2 * math.pi**2) * u - 2 * math.pi * rate * turned
        return rate * laplacian + u**3 - u

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return x[:, 2:3] * jet.laplacian() + jet.value**3 - jet.value

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) - self.source(x)
