from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class SideResidual(Term):
    """B(x, û, ∂û)², averaged over equations: what holds at a wall instead of values.

    Args:
        part: as in Term.
        weight: as in Term.
    """

    def __init__(self, part: str = "boundary", weight: float = 1.0) -> None:
        super().__init__(part, weight)

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        found = equation.side_residual(part["x"], jet)
        if found is None:
            raise ValueError(f"{equation.name} has values at its sides; take Value on {self.part}")
        return found.square().mean(-1)
