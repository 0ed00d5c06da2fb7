from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo.models.base import Interface, Model


class Objective(nn.Module, ABC):
    """What training minimises: `objective(model, batch) -> {"loss": ..., other scalars}`.

    Owns heads, teachers and corruptions; never knows which model it trains, and is thrown away
    after training.
    """

    pretext: ClassVar[bool] = False
    """Whether the model's outputs mean nothing yet: validation then measures the objective."""

    @classmethod
    def tiny(cls) -> "Objective":
        """A toy instance, for tests; overridden where the constructor needs arguments."""
        return cls()

    def bind(self, model: Model, interface: Interface) -> None:
        """Size heads for a model and its data; called once before the optimiser is made.

        Args:
            model: what is trained; its `interface` may hide the coefficients.
            interface: what the data hold: its coefficients name the columns of `p`.
        """

    @abstractmethod
    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Scalars by name; `loss` is minimised, the others are logged."""
