from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.numbered import numbered
from zoo.pde.points.radial_jet import RadialJet


class HeatBall(PointEquation):
    """u_t = Δu in the unit ball of R^N: u(0, x) = r²/2N, u = t + 1/2N on the sphere.

    The solution is t + r²/2N. Points are uniform in the ball, those of the sides on the sphere, all
    uniform in time. In high dimension nearly all of a ball lies near its sphere: t + a constant
    comes to 0.014 % for N = 100, and shows that x was not needed. The ansatz, g = r² (t + 1/2N) and
    b = t (1 - r²), leaves N = 1 to be found.

    Units:
        dimensionless.

    Args:
        dimension: N.
        end: of the time interval, which begins at 0.
    Source:
        He et al., Learning Physics-Informed Neural Networks without Stacked Back-propagation,
        AISTATS 2023, the heat equation, N = 100.
    """

    name: ClassVar[str] = "heat_ball"
    time: ClassVar[str | None] = "t"

    def __init__(self, dimension: int = 3, *, end: float = 1.0) -> None:
        if not end > 0:
            raise ValueError(f"end={end} of the time interval must be after 0")
        self.coordinates = ("t", *numbered(dimension))
        self.units = dict.fromkeys(("u", *self.coordinates), "1")
        self.dimension = dimension
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation: the box around the ball, see `inside`."""
        return {"t": (0.0, self.end), **dict.fromkeys(self.coordinates[1:], (-1.0, 1.0))}

    def inside(self, x: Tensor) -> Tensor:
        """As in PointEquation: the ball."""
        return x[:, 1:].square().sum(1) <= 1

    def distance(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        outside = (x[:, 1:].norm(dim=1) - 1).clamp(min=0)
        return torch.hypot(outside, x[:, 0] - x[:, 0].clamp(0, self.end))

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation."""
        found = self.draw_sides(count, rng)
        share = torch.rand(count, 1, dtype=torch.float64, generator=rng, device=rng.device)
        found[:, 1:] *= share ** (1 / self.dimension)
        return found

    def draw_sides(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation: uniform on the sphere and in time."""
        like = {"dtype": torch.float64, "generator": rng, "device": rng.device}
        time = self.end * torch.rand(count, 1, **like)
        normal = torch.randn(count, self.dimension, **like)
        return torch.cat([time, normal / normal.norm(dim=1, keepdim=True)], 1)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        slope = 1 / (2 * self.dimension)
        return RadialJet(
            x,
            lambda t, q: {
                (0, 0): t + slope * q,
                (1, 0): torch.ones_like(t),
                (0, 1): torch.full_like(q, slope),
            },
        )

    def ansatz(self, x: Tensor) -> tuple[Jet, Jet]:
        """As in PointEquation."""
        start = 1 / (2 * self.dimension)
        known = RadialJet(
            x,
            lambda t, q: {
                (0, 0): q * (t + start),
                (1, 0): q,
                (0, 1): t + start,
                (1, 1): torch.ones_like(t),
            },
        )
        free = RadialJet(
            x,
            lambda t, q: {
                (0, 0): t * (1 - q),
                (1, 0): 1 - q,
                (0, 1): -t,
                (1, 1): -torch.ones_like(t),
            },
        )
        return known, free

    def approximations(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation: t alone."""
        return {"t": x[:, :1]}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return jet.derivative(0) - jet.laplacian(range(1, 1 + self.dimension))
