from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class GradientError(PointMetric):
    """Error of a field's first derivatives over a lattice: ‖Dû - Du‖ / ‖Du‖, or its L2 norm."""

    def __init__(self, relative: bool = True) -> None:
        super().__init__(relative)
        self.title = "gradient_relative_l2" if relative else "gradient_l2"
        self.trivial = relative

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        if "dy" not in batch:
            raise ValueError(
                f"{batch['equation'].name}: no true derivatives; set derivatives: true in the "
                "data's evaluation, or measure the residual where there is no reference solution"
            )
        field: Any = model
        return field.jet(cast(batch, model)).gradient - batch["dy"], batch["dy"]
