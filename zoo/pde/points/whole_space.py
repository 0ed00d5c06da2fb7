from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.numbered import numbered
from zoo.pde.points.radial_jet import RadialJet

REACH = 5.0
"""Half the side of the box in which five standard deviations of a normal law lie."""


class WholeSpace(PointEquation):
    """R(t, x, u, ...) = 0 on R^N for 0 <= t <= T, with values at t = T and none at any side.

    Points are drawn with x ~ N(0, 1) in every coordinate and t uniform; the region's box holds five
    standard deviations. A field g + (1 - t/T)·N, with g the terminal values, leaves the residual
    alone to be learned.

    Args:
        dimension: N.
        end: T.
    """

    time: ClassVar[str | None] = "t"
    terminal: ClassVar[bool] = True
    sided: ClassVar[bool] = False
    brownian: ClassVar[bool] = False
    """Whether the residual is u_t + Δu + f(t, x, u, ∇u)."""

    def __init__(self, dimension: int, end: float) -> None:
        if not end > 0:
            raise ValueError(f"end={end} of the time interval must be after 0")
        self.coordinates = ("t", *numbered(dimension))
        self.units = dict.fromkeys(("u", *self.coordinates), "1")
        self.dimension = dimension
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation: no point lies outside of x's box, see `distance`."""
        return {"t": (0.0, self.end), **dict.fromkeys(self.coordinates[1:], (-REACH, REACH))}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation."""
        like = {"dtype": torch.float64, "generator": rng, "device": rng.device}
        time = self.end * torch.rand(count, 1, **like)
        return torch.cat([time, torch.randn(count, self.dimension, **like)], 1)

    def draw_paths(self, count: int, rng: torch.Generator) -> Tensor:
        """Points on Brownian paths x + √2·W that begin where the law is, (count, 1 + N).

        t is uniform in 0 ... T, and a path begins at a time uniform in 0 ... t. What u is at (s, x)
        follows from the residuals on the paths from there to T, where the values are known
        (Feynman-Kac). In high dimension the law is a thin shell and paths leave it: residuals on
        the shell alone leave u open, however small they are.

        Raises:
            ValueError: the equation's diffusion is none of u_t + Δu + ... = 0.
        """
        if not self.brownian:
            raise ValueError(
                f"{self.name}: its residual is not u_t + Δu + f(t, x, u, ∇u), so that its paths "
                "are not Brownian; draw points by its own law, with zoo.data.points.fresh.Fresh"
            )
        drawn = self.draw(count, rng)
        like = {"dtype": drawn.dtype, "generator": rng, "device": rng.device}
        past = drawn[:, :1] * torch.rand(count, 1, **like)
        shocks = torch.randn(count, self.dimension, **like)
        return torch.cat([drawn[:, :1], drawn[:, 1:] + (2 * past).sqrt() * shocks], 1)

    def distance(self, x: Tensor) -> Tensor:
        """As in PointEquation: outside of the time interval alone."""
        return (x[:, 0] - x[:, 0].clamp(0, self.end)).abs()

    @property
    def places(self) -> range:
        """The axes of space."""
        return range(1, 1 + self.dimension)

    @abstractmethod
    def last(self, x: Tensor) -> Jet:
        """The terminal values as a function of t and x that does not depend on t."""

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation."""
        return {"y": self.last(x).value}

    def ansatz(self, x: Tensor) -> tuple[Jet, Jet]:
        """As in PointEquation: the terminal values, and 1 - t/T."""
        return self.last(x), self.remaining(x)

    def remaining(self, x: Tensor, scale: float = 1.0) -> Jet:
        """(1 - t/T) · scale."""
        return RadialJet(
            x,
            lambda t, _: {
                (0, 0): scale * (1 - t / self.end),
                (1, 0): torch.full_like(t, -scale / self.end),
            },
        )
