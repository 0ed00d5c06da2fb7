"""Small problems at points for tests: a wave that runs round a circle, and a ball with a wall."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Wave(PointEquation):
    """u_t + s u_x = 0 for u = sin(2π(x - s t)), x periodic on [0, 1], t in [0, 2], s in [1, 3]."""

    name: ClassVar[str] = "wave"
    coordinates = ("t", "x")
    parameters: ClassVar[tuple[str, ...]] = ("s",)
    units = dict.fromkeys(("u", "t", "x", "s"), "1")
    time: ClassVar[str | None] = "t"
    periodic: ClassVar[tuple[str, ...]] = ("x",)
    sided: ClassVar[bool] = False

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        return {"t": (0.0, 2.0), "x": (0.0, 1.0), "s": (1.0, 3.0)}

    def solution(self, x: Tensor) -> Tensor:
        return (2 * math.pi * (x[:, 1:2] - x[:, 2:3] * x[:, :1])).sin()

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        return jet.gradient[..., 0] + x[:, 2:3] * jet.gradient[..., 1]


class Half(Wave):
    """The wave and its double, of which nothing is known at first."""

    outputs: ClassVar[tuple[str, ...]] = ("u", "v")
    units = dict.fromkeys(("u", "v", "t", "x", "s"), "1")

    def solution(self, x: Tensor) -> Tensor:
        u = super().solution(x)
        return torch.cat([u, 2 * u], 1)

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        slopes = torch.full((len(x), 2, 2), math.nan, dtype=x.dtype)
        slopes[:, 0, 1] = 2 * math.pi * (2 * math.pi * x[:, 1]).cos()
        return {"y": torch.where(torch.tensor([True, False]), self.solution(x), math.nan)} | {
            "dy": slopes
        }


class Disc(PointEquation):
    """Δu = 4 in the unit disc with ∂u/∂r = 2 at its wall; no solution is told."""

    name: ClassVar[str] = "disc"
    coordinates = ("x", "y")
    units = dict.fromkeys(("u", "x", "y"), "1")
    sided: ClassVar[bool] = False
    walled: ClassVar[bool] = True
    closed: ClassVar[str] = "it is known up to a constant alone"

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        return {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        return jet.laplacian() - 4

    def side_residual(self, x: Tensor, jet: Jet) -> Tensor | None:
        return torch.einsum("bcd,bd->bc", jet.gradient, x) - 2

    def inside(self, x: Tensor) -> Tensor:
        return x.square().sum(1) <= 1

    def draw_sides(self, count: int, rng: torch.Generator) -> Tensor:
        angle = 2 * math.pi * torch.rand(count, dtype=torch.float64, generator=rng)
        return torch.stack([angle.cos(), angle.sin()], 1)
