from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zoo.models.field import Field
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Term(nn.Module, ABC):
    """One term of a loss over points: a number at each point of one part.

    It is not below zero, or an estimate of what is not.

    Args:
        part: the batch's part that it looks at.
        weight: its factor in the loss.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Keys that the part must hold beside its points."""
    fixes_values: ClassVar[bool] = False
    """Whether the term sees values, so that no constant of integration is left open."""
    derivatives: bool = True
    """Whether the term looks at the jet's derivatives; one that does not sees values alone."""

    def __init__(self, part: str = "interior", weight: float = 1.0) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError(f"weight={weight} of a term on {part!r}: not below zero")
        self.part = part
        self.weight = weight

    @property
    def title(self) -> str:
        """What the term is called in logs."""
        return f"{type(self).__name__.lower()}_{self.part}"

    def bind(self, model: Field) -> None:
        """Refuse a model that the term cannot be computed for; called once before training."""

    @abstractmethod
    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """The term at each point, (n,); `jet` is the model's at the part's points."""


def mean_square(numbers: Tensor) -> Tensor:
    """The squares of each point's numbers (n, c), averaged, (n,)."""
    found = numbers.square()
    return found.squeeze(-1) if numbers.shape[-1] == 1 else found.mean(-1)


def squares(found: Tensor, target: Tensor) -> Tensor:
    """(found - target)² averaged over the numbers of each point, (n,), NaN targets left out."""
    if target.shape[-1] == 1:
        # of one number nothing can be left out: the mean of none would be NaN as well
        return mean_square(found - target)
    known = ~target.isnan()
    difference = torch.where(known, found - target, 0.0)
    return difference.square().sum(-1) / known.sum(-1)
