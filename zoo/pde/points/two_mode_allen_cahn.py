import math
from typing import ClassVar

from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.equation import interval
from zoo.pde.points.equation import PointEquation


class TwoModeAllenCahn(PointEquation):
    """λ Δu + u³ - u = f on [-1, 1]² for u = ½ Σ ξ_j sin(jπx) sin(jπy) / j², j = 1, 2.

    The amplitudes ξ₁ and ξ₂ are parameters, λ is fixed; the source f follows from u, which is zero
    at the sides. Δu = -π² Σ ξ_j sin(jπx) sin(jπy).

    Units:
        dimensionless.

    Args:
        diffusion: λ.
        amplitude: interval of ξ₁ and ξ₂.
    Source:
        Trenta, Cossu & Bacciu, arXiv 2505.01391, the second parametric Allen-Cahn family ("multi").
        Its released residual of OUTL+PINN takes ξ₁ for λ; this one does not.
    """

    name: ClassVar[str] = "two_mode_allen_cahn"
    coordinates = ("x", "y")
    parameters: ClassVar[tuple[str, ...]] = ("xi1", "xi2")
    units = dict.fromkeys(("u", "x", "y", "xi1", "xi2"), "1")

    def __init__(
        self, diffusion: float = 0.1, *, amplitude: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        self.diffusion = diffusion
        self.amplitude = interval(amplitude, "amplitude")

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"x": (-1.0, 1.0), "y": (-1.0, 1.0), "xi1": self.amplitude, "xi2": self.amplitude}

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        first, second = self._modes(x)
        return (first + second / 4) / 2

    def source(self, x: Tensor) -> Tensor:
        """f, (b, 1)."""
        first, second = self._modes(x)
        u = (first + second / 4) / 2
        return self.diffusion * (-(math.pi**2) * (first + second)) + u**3 - u

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.diffusion * jet.laplacian() + jet.value**3 - jet.value

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) - self.source(x)

    def _modes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """ξ_j sin(jπx) sin(jπy) for j = 1, 2, (b, 1) each."""
        first, second = (
            x[:, 1 + j : 2 + j] * (j * math.pi * x[:, :1]).sin() * (j * math.pi * x[:, 1:2]).sin()
            for j in (1, 2)
        )
        return first, second
