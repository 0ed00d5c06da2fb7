from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from zoo.models.base import Interface, Model


class Objective(nn.Module, ABC):
    """What training minimises: `objective(model, batch) -> {"loss": ..., other scalars}`.

    Owns heads, teachers and corruptions; never knows which model it trains, and is thrown away
    after training.
    """

    def bind(self, model: Model, interface: Interface) -> None:
        """Size heads for a model and its data; called once before the optimiser is made.

        Args:
            model: what is trained; its `interface` may hide the coefficients.
            interface: what the data hold: its coefficients name the columns of `p`.
        """

    @abstractmethod
    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Scalars by name; `loss` is minimised, the others are logged."""
