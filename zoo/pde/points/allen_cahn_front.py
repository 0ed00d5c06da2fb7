import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.ridge_jet import RidgeJet
from zoo.pde.points.whole_space import WholeSpace


class AllenCahnFront(WholeSpace):
    """u_t + Δu + (u - u³)/ε² = 0 on R^N with a front that runs along the diagonal.

    u = 1/(1 + e^ζ), ζ = n·x/(√2 ε) - 3(T/2 - t)/(2ε²), n = (1, ..., 1)/√N: from 1 to 0 at speed
    3/(√2 ε), half way through the law of points at half time. An exact solution of the backward
    equation whose terminal values are the front's.

    Units:
        dimensionless.

    Args:
        dimension: N.
        end: T.
        width: ε.
    Source:
        The equation, its end of time and ε = 1 as in E, Han & Jentzen, Commun. Math. Stat. 5
        (2017), whose terminal values leave it without a closed solution; the front is Fisher's, as
        in Ablowitz & Zeppetella, Bull. Math. Biol. 41 (1979), for this reaction.
    """

    name: ClassVar[str] = "allen_cahn_front"
    brownian: ClassVar[bool] = True

    def __init__(self, dimension: int = 4, *, end: float = 0.3, width: float = 0.4) -> None:
        super().__init__(dimension, end)
        if not width > 0:
            raise ValueError(f"width={width} of the front must be positive")
        self.width = width

    def _front(self, x: Tensor, pace: float, shift: float) -> Jet:
        """1/(1 + e^-θ) with θ = -n·x/(√2 ε) + pace · t + shift."""
        like = {"dtype": torch.float64, "device": x.device}
        share = -1 / (math.sqrt(2 * self.dimension) * self.width)
        weights = torch.full((1, 1 + self.dimension), share, **like)
        weights[:, 0] = pace
        return RidgeJet(
            x,
            logistic,
            weights=weights,
            shifts=torch.full((1,), shift, **like),
            amplitudes=torch.ones(1, **like),
        )

    @property
    def _pace(self) -> float:
        return -3 / (2 * self.width**2)

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        return self._front(x, self._pace, -self._pace * self.end / 2)

    def last(self, x: Tensor) -> Jet:
        """As in WholeSpace."""
        return self._front(x, 0.0, self._pace * self.end / 2)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        u = jet.value
        return jet.derivative(0) + jet.laplacian(self.places) + (u - u**3) / self.width**2


def logistic(phase: Tensor, order: int) -> Tensor:
    """1/(1 + e^-θ) and its first three derivatives.

    Raises:
        NotImplementedError: a fourth is asked for.
    """
    if order > 3:
        raise NotImplementedError(f"derivative {order} of the front: it knows up to three")
    s = phase.sigmoid()
    slope = s * (-phase).sigmoid()
    return (s, slope, slope * (1 - 2 * s), slope * (1 - 6 * slope))[order]
