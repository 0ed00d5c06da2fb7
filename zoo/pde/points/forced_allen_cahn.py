from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.ridge_jet import RidgeJet, sine
from zoo.pde.points.ridges import Ridges
from zoo.pde.points.whole_space import WholeSpace


class ForcedAllenCahn(WholeSpace):
    """u_t + Δu + u - u³ = f on R^N with u(T, x) known: waves Σ_k c_k sin(w_k·x + ω_k t + φ_k).

    The waves are those of `Ridges`, and move: ω_k = ±`pace`, in turn. With the ansatz no side and
    no end is left to learn from, so that a field can know u before T by the equation alone.

    Units:
        dimensionless.

    Args:
        dimension: N.
        end: T.
        exact: the waves; under x ~ N(0, I) the phase of each has the standard deviation |w_k|.
        pace: |ω_k|.
    Source:
        The operator as in E, Han & Jentzen, Commun. Math. Stat. 5 (2017); the solution is
        manufactured.
    """

    name: ClassVar[str] = "forced_allen_cahn"

    def __init__(
        self,
        dimension: int = 4,
        *,
        end: float = 1.0,
        exact: Ridges | None = None,
        pace: float = 2.0,
    ) -> None:
        super().__init__(dimension, end)
        self.exact = exact or Ridges(frequency=1.2)
        self.pace = pace

    def _waves(self, x: Tensor, moving: bool) -> Jet:
        """The solution, or what it comes to at T."""
        weights, shifts, amplitudes = self.exact.terms(x, self.dimension)
        turns = torch.full_like(shifts, self.pace)
        turns[1::2] *= -1
        if not moving:
            turns, shifts = torch.zeros_like(turns), shifts + self.end * turns
        weights = torch.cat([turns[:, None], weights], 1)
        return RidgeJet(x, sine, weights=weights, shifts=shifts, amplitudes=amplitudes)

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        return self._waves(x, moving=True)

    def last(self, x: Tensor) -> Jet:
        """As in WholeSpace."""
        return self._waves(x, moving=False)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        u = jet.value
        return jet.derivative(0) + jet.laplacian(self.places) + u - u**3

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) - self.forcing(x, self.jet(x))
