from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term, squares
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Value(Term):
    """(û - y)², averaged over outputs: on interior data, sides, initial values, a teacher's values.

    An output whose target is NaN is not known and left out.

    Args:
        part: as in Term.
        weight: as in Term.
    """

    needs = ("y",)
    fixes_values = True
    derivatives = False

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        return squares(jet.value, part["y"])
