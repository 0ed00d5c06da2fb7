from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Residual(Term):
    """R(x, û, ∂û, ...)², averaged over equations: the physics-informed term.

    Args:
        part: as in Term.
        weight: as in Term.
    """

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        return equation.residual(part["x"], jet).square().mean(-1)
