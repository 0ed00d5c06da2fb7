from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Gradient(Term):
    """|Dû - Du|², averaged over outputs and coordinates: what DERL learns from.

    Args:
        part: as in Term.
        weight: as in Term.
        by: coordinates whose derivatives are compared; all if left out. Parameters are none.
    """

    needs = ("dy",)

    def __init__(
        self, part: str = "interior", weight: float = 1.0, *, by: list[str] | None = None
    ) -> None:
        super().__init__(part, weight)
        if by is not None and not by:
            raise ValueError("by=[] compares no derivative; name coordinates, or leave it out")
        self.by = by

    def bind(self, model: Field) -> None:
        """As in Term."""
        axes(self.by, model)

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        difference = jet.gradient - part["dy"]
        if self.by is not None:
            difference = difference[..., axes(self.by, model)]
        return difference.square().mean((-2, -1))


def axes(names: list[str] | None, model: Field) -> list[int]:
    """The columns of coordinates by name.

    Raises:
        ValueError: a name is a parameter, or unknown.
    """
    face = model.interface
    for name in names or ():
        if name not in face.inputs:
            kind = "a parameter" if name in face.coefficients else "unknown"
            raise ValueError(
                f"by={names}: {name!r} is {kind}; derivatives are by the coordinates {face.inputs}"
            )
    return [face.inputs.index(name) for name in (face.inputs if names is None else names)]
