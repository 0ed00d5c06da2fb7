from typing import Any

import torch
from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Velocity(Term):
    """(û - y)² and those derivatives that an initial condition gives, squared and averaged.

    A derivative whose target is NaN is not given.

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
        given = ~part["dy"][0].isnan()
        derivatives = (jet.gradient - part["dy"])[:, given]
        values = jet.value - part["y"]
        return torch.cat([values, derivatives], 1).square().mean(-1)
