from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class GradientError(PointMetric):
    """Error of a field's first derivatives over a lattice: ‖Dû - Du‖ / ‖Du‖, or its L2 norm."""

    def __init__(self, relative: bool = True) -> None:
        super().__init__(relative)
        self.title = "gradient_relative_l2" if relative else "gradient_l2"

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        field: Any = model
        return field.jet(cast(batch, model)).gradient - batch["dy"], batch["dy"]
