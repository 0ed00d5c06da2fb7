from typing import Any

import torch
from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term, squares
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Velocity(Term):
    """(û - y)² and (∂û - ∂y)², averaged over the values and derivatives that are known at first.

    One whose target is NaN is not known and left out.

    Args:
        part: as in Term.
        weight: as in Term.
    """

    needs = ("y", "dy")
    fixes_values = True

    def __init__(self, part: str = "initial", weight: float = 1.0) -> None:
        super().__init__(part, weight)

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        found = torch.cat([jet.value, jet.gradient.flatten(1)], 1)
        return squares(found, torch.cat([part["y"], part["dy"].flatten(1)], 1))
