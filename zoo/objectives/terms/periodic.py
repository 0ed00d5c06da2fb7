from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Periodic(Term):
    """(û(x) - û(x'))² of the two ends of a periodic coordinate, at equal times.

    Args:
        part: as in Term.
        weight: as in Term.
        order: 0 for values, 1 for values and first derivatives.
    """

    needs = ("other",)

    def __init__(self, part: str = "periodic", weight: float = 1.0, *, order: int = 0) -> None:
        super().__init__(part, weight)
        if order not in (0, 1):
            raise ValueError(f"order={order}: 0 or 1")
        self.order = order
        self.derivatives = order > 0

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        if self.order == 0:
            return (jet.value - model(part["other"])).square().mean(-1)
        there = model.jet(part["other"])
        first = (jet.gradient - there.gradient).square().mean((-2, -1))
        return (jet.value - there.value).square().mean(-1) + first
