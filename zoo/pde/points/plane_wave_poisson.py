import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.numbered import numbered
from zoo.pde.points.ridge_jet import RidgeJet, sine


class PlaneWavePoisson(PointEquation):
    """Δu = f on [0, 1]^N with u = ½ sin k·x along the diagonal, k = κ (1, ..., 1)/√N; f = -κ² u.

    N = 2 and κ = √2 is u = ½ sin(x1 + x2), f = -sin(x1 + x2). Side points are uniform with one
    random coordinate at 0 or 1; the sides take equal shares. No smooth ansatz meets these values at
    every side, so there is none.

    Units:
        dimensionless.

    Args:
        dimension: N.
        wave_number: κ = |k|.
    Source:
        He et al., Learning Physics-Informed Neural Networks without Stacked Back-propagation,
        AISTATS 2023, the Poisson equation, N = 2.
    """

    name: ClassVar[str] = "plane_wave_poisson"

    def __init__(self, dimension: int = 2, *, wave_number: float = math.sqrt(2)) -> None:
        if not wave_number > 0:
            raise ValueError(f"wave_number={wave_number} must be positive")
        self.coordinates = numbered(dimension)
        self.units = dict.fromkeys(("u", *self.coordinates), "1")
        self.dimension = dimension
        self.wave_number = wave_number

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return dict.fromkeys(self.coordinates, (0.0, 1.0))

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        like = {"dtype": torch.float64, "device": x.device}
        share = self.wave_number / math.sqrt(self.dimension)
        return RidgeJet(
            x,
            sine,
            weights=torch.full((1, self.dimension), share, **like),
            shifts=torch.zeros(1, **like),
            amplitudes=torch.full((1,), 0.5, **like),
        )

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return jet.laplacian(range(self.dimension))

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) + self.wave_number**2 * self.solution(x)
