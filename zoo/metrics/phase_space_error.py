import math
from typing import Any

import torch
from torch import Tensor

from zoo.data.points.lattice import lattice
from zoo.metrics.points import PointMetric
from zoo.models.base import Model
from zoo.pde.points.pendulum import Pendulum

ROWS = 10_000


class PhaseSpaceError(PointMetric):
    """Root mean square of (û_t, û_tt)(0; u0, v0) - (v0, F(u0, v0)): the learned vector field.

    Over a lattice of initial values, the mean is over both components too. F is the pendulum's own
    acceleration. The lattice may reach further than the values that were trained on.

    Args:
        angle: u0 lies in ±angle.
        speed: v0 lies in ±speed.
        points_per_side: of the lattice.

    Source:
        The field error of Trenta, Cossu, Bacciu, TMLR 2026 (arXiv 2505.01391), on their lattice.
    """

    title = "phase_space_rms"

    def __init__(
        self, angle: float = math.pi / 2, speed: float = 1.5, *, points_per_side: int = 250
    ) -> None:
        super().__init__()
        self.angle, self.speed, self.points_per_side = angle, speed, points_per_side

    def states(self) -> Tensor:
        """The lattice of (u0, v0), (points, 2), float64."""
        sides = torch.tensor([[-self.angle, self.angle], [-self.speed, self.speed]])
        return lattice(sides.double(), [self.points_per_side] * 2)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric; the batch tells the equation alone, whose points are not used."""
        equation = batch["equation"]
        if not isinstance(equation, Pendulum):
            raise ValueError(f"{equation.name} has no phase space; leave {type(self).__name__} out")
        states = self.states().to(batch["x"].device)
        learned = torch.cat([_learned(model, rows) for rows in states.split(ROWS)])
        truth = equation.field(states)
        return learned - truth, truth

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """Measure once; later batches, and other ranks, would only repeat it."""
        if not bool(self.count.any()):
            error, _ = self.errors(model, batch)
            self.total[0, 0] = error.double().square().mean()
            self.scale[0, 0] = self.count[0, 0] = 1

    def compute(self) -> dict[str, Tensor]:
        """The one figure; sums over ranks are of equal terms."""
        self.seen = {self.title: self.points_per_side**2}
        return {self.title: (self.total.sum() / self.scale.sum()).sqrt()}


def _learned(model: Model, states: Tensor) -> Tensor:
    """(û_t, û_tt) at t = 0 from initial values (n, 2), (n, 2)."""
    field: Any = model
    x = torch.cat([torch.zeros_like(states[:, :1]), states], 1)
    jet = field.jet(x.to(next(model.parameters())))
    return torch.cat([jet.gradient[..., 0], jet.derivative(0, 0)], 1)
