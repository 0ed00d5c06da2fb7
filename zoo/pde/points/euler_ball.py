from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class EulerBall(PointEquation):
    """Incompressible Euler flow of uneven density in the unit ball, |x| <= 1.

    With m = ρu and u = m/ρ: ∂ρ/∂t + div m = 0, ∂m/∂t + (u·∇)m + m div u + ∇p = 0 and div u = 0,
    in this order; div u = (div m - u·∇ρ) / ρ, so a field must keep ρ > 0. The first is zero for
    every divergence-free net. At the sphere no mass flows out, m·n = 0.

    The flow begins with ρ = 3/2 - |x|² and u = (-2, x - 1, 1/2), which has no divergence but does
    cross the sphere: at t = 0 the two conditions contradict each other there.

    Units:
        dimensionless.

    Args:
        end: of the time interval, which begins at 0.
    Source:
        Richter-Powell, Lipman & Chen, Neural Conservation Laws, NeurIPS 2022; initial fields and
        times as in Trenta, Cossu & Bacciu, arXiv 2505.01391.
    """

    name: ClassVar[str] = "euler_ball"
    coordinates = ("t", "x", "y", "z")
    outputs: ClassVar[tuple[str, ...]] = ("rho", "mx", "my", "mz", "p")
    units = dict.fromkeys((*coordinates, *outputs), "1")
    time: ClassVar[str | None] = "t"
    sided: ClassVar[bool] = False
    walled: ClassVar[bool] = True
    closed: ClassVar[str] = (
        "no closed form of this flow is known; compare with another field, such as a teacher"
    )

    def __init__(self, end: float = 0.55) -> None:
        if not end > 0:
            raise ValueError(f"end={end} of the time interval must be after 0")
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation: the box around the ball, see `inside`."""
        return {"t": (0.0, self.end), **dict.fromkeys("xyz", (-1.0, 1.0))}

    def inside(self, x: Tensor) -> Tensor:
        """As in PointEquation: the ball."""
        return x[:, 1:].square().sum(1) <= 1

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation: density and momentum; of the pressure nothing is known."""
        across = x[:, 1]
        rho = 1.5 - x[:, 1:].square().sum(1)
        one = torch.ones_like(rho)
        momentum = [-2 * rho, (across - 1) * rho, rho / 2]
        return {"y": torch.stack([rho, *momentum, torch.nan * one], 1)}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation: mass, momentum along x, y, z, divergence of the velocity."""
        rho, momentum = jet.value[:, :1], jet.value[:, 1:4]
        rate, slopes = jet.gradient[..., 0], jet.gradient[..., 1:]
        velocity = momentum / rho
        outflow = slopes[:, 1:4].diagonal(dim1=1, dim2=2).sum(1, keepdim=True)
        carried = (velocity[:, None] * slopes[:, :4]).sum(2)
        divergence = (outflow - carried[:, :1]) / rho
        forces = rate[:, 1:4] + carried[:, 1:] + momentum * divergence + slopes[:, 4]
        return torch.cat([rate[:, :1] + outflow, forces, divergence], 1)

    def side_residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation: m·n on the sphere, where n = x."""
        return (jet.value[:, 1:4] * x[:, 1:]).sum(1, keepdim=True)

    def draw_sides(self, count: int, rng: torch.Generator) -> Tensor:
        """As in PointEquation: uniform on the sphere and in time."""
        drawn = self._uniform(count, rng)
        normal = torch.randn(count, 3, dtype=torch.float64, generator=rng)
        drawn[:, 1:] = normal / normal.norm(dim=1, keepdim=True)
        return drawn
