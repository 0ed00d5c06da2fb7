from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Hessian(Term):
    """|D²û - D²u|², averaged over outputs and all entries, both mixed ones among them.

    Args:
        part: as in Term.
        weight: as in Term.
    """

    needs = ("ddy",)

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        return (jet.hessian - part["ddy"]).square().mean((-3, -2, -1))
