from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class ForcingError(PointMetric):
    """Relative error of the source that a field would solve: ‖f(û) - f(u)‖ / ‖f(u)‖."""

    title = "forcing_relative_l2"

    def __init__(self) -> None:
        super().__init__(relative=True)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        equation, x = batch["equation"], cast(batch, model)
        truth = equation.forcing(batch["x"], equation.jet(batch["x"]))
        if truth is None:
            raise ValueError(f"{equation.name} has no source; measure its residual instead")
        field: Any = model
        return equation.forcing(x, field.jet(x)) - truth, truth
