from typing import Any

import torch
from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class StochasticHessian(Term):
    """|(∇û(x + σv) - ∇û(x))/σ - D²u v|, averaged over random unit vectors v.

    The norm is not squared. Directions are drawn anew at each step and are the same for all points.
    How many numbers are drawn does not depend on the points, so ranks that were seeded alike, as
    `seed_everything` does, draw the same ones, and their weighted mean is what one process finds.
    Where their generators differ, as after a step in which one rank had no points, each has
    directions of its own: the mean over draws is the same, from more directions in all.

    Args:
        part: as in Term.
        weight: as in Term.
        directions: random unit vectors a step.
        distance: σ.

    Source:
        The Sobolev training with stochastic Hessians that Trenta, Cossu, Bacciu, TMLR 2026
        (arXiv 2505.01391) compare with: 100 directions, σ = 0.01.
    """

    needs = ("ddy",)

    def __init__(
        self,
        part: str = "interior",
        weight: float = 1.0,
        *,
        directions: int = 100,
        distance: float = 0.01,
    ) -> None:
        super().__init__(part, weight)
        if directions < 1 or distance <= 0:
            raise ValueError(
                f"directions={directions} and distance={distance}: at least one, above zero"
            )
        self.directions = directions
        self.distance = distance

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        x, d = part["x"], len(model.interface.inputs)
        v = torch.randn(self.directions, d, dtype=x.dtype, device=x.device)
        v = v / v.norm(dim=1, keepdim=True)
        moved = x.repeat(self.directions, 1)
        moved[:, :d] += self.distance * v.repeat_interleave(len(x), 0)
        there = model.jet(moved).gradient.view(self.directions, *jet.gradient.shape)
        change = (there - jet.gradient) / self.distance
        wanted = torch.einsum("ncij,kj->knci", part["ddy"], v)
        return (change - wanted).norm(dim=-1).mean((0, 2))
