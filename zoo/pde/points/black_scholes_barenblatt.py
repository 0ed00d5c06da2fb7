import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.radial_jet import Partials, RadialJet
from zoo.pde.points.whole_space import WholeSpace


class BlackScholesBarenblatt(WholeSpace):
    """u_t + ½ σ² Σ_i x_i² u_ii - ρ (u - x·∇u) = 0 on R^N, u(T, x) = r².

    The solution is e^((ρ + σ²)(T - t)) r². Points lie on geometric Brownian paths,
    x_i = x_i(0) e^(σB - σ²t/2) from x(0) = (1, ½, 1, ½, ...) with t uniform; the region's box holds
    all but 1e-5 of each coordinate. The ansatz is r² and N (1 - t/T), as u is of the order of N.

    A function of t and r alone solves it: what it tests is the operator, not the dimension.

    Units:
        dimensionless.

    Args:
        dimension: N.
        end: T.
        volatility: σ.
        interest: ρ, the rate of interest.
    Source:
        Raissi, arXiv 1804.07010, the Black-Scholes-Barenblatt equation, N = 100.
    """

    name: ClassVar[str] = "black_scholes_barenblatt"

    def __init__(
        self,
        dimension: int = 4,
        *,
        end: float = 1.0,
        volatility: float = 0.4,
        interest: float = 0.05,
    ) -> None:
        super().__init__(dimension, end)
        if not volatility > 0:
            raise ValueError(f"volatility={volatility} must be positive")
        self.volatility = volatility
        self.interest = interest

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        high = math.exp(4.3 * self.volatility * math.sqrt(self.end))
        return {"t": (0.0, self.end), **dict.fromkeys(self.coordinates[1:], (0.0, high))}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation."""
        found = super().draw(count, rng)
        return self._moved(found[:, :1], found[:, 1:])

    def draw_initial(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation: where the paths end."""
        found = super().draw(count, rng)
        return self._moved(torch.full_like(found[:, :1], self.end), found[:, 1:])

    def _moved(self, time: Tensor, normal: Tensor) -> Tensor:
        """Paths at a time, from standard normal numbers."""
        start = torch.ones_like(normal[0])
        start[1::2] = 0.5
        growth = self.volatility * time.sqrt() * normal - self.volatility**2 * time / 2
        return torch.cat([time, start * growth.exp()], 1)

    def _partials(self, t: Tensor, q: Tensor) -> Partials:
        pace = self.interest + self.volatility**2
        growth = (pace * (self.end - t)).exp()
        return {
            (0, 0): growth * q,
            (1, 0): -pace * growth * q,
            (0, 1): growth,
            (2, 0): pace**2 * growth * q,
            (1, 1): -pace * growth,
        }

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        return RadialJet(x, self._partials)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def last(self, x: Tensor) -> Jet:
        """As in WholeSpace: r²."""
        return RadialJet(x, lambda t, q: {(0, 0): q, (0, 1): torch.ones_like(q)})

    def ansatz(self, x: Tensor) -> tuple[Jet, Jet]:
        """As in PointEquation."""
        return self.last(x), self.remaining(x, float(self.dimension))

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        place = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1 : 1 + self.dimension]], 1)
        diffusion = self.volatility**2 / 2 * jet.trace(place.square())
        return jet.derivative(0) + diffusion - self.interest * (jet.value - jet.along(place))
