from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from zoo.models.base import Model


class Objective(nn.Module, ABC):
    """What training minimises: `objective(model, batch) -> {"loss": ..., other scalars}`.

    Owns heads, teachers and corruptions; never knows which model it trains, and is thrown away
    after training.
    """

    def bind(self, model: Model) -> None:
        """Size heads for a model; called once before the optimiser is made."""

    @abstractmethod
    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Scalars by name; `loss` is minimised, the others are logged."""
