from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class ResidualError(PointMetric):
    """L2 norm over the region of what a solution makes zero: the equation's residual."""

    title = "residual_l2"

    def __init__(self) -> None:
        super().__init__(relative=False)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        field: Any = model
        x = cast(batch, model)
        found = batch["equation"].residual(x, field.jet(x))
        return found, found
