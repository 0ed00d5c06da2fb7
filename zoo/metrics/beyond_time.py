from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class BeyondTime(PointMetric):
    """What of the solution's dependence on x a field misses: ‖û - u‖ / ‖u - h(t)‖.

    h is the best function of t alone (of a steady problem the best constant), so a field that has
    learned nothing of x scores one, however small its relative error is. In high dimension that
    error is often small: norm(x) hardly varies there.
    """

    title = "beyond_time"
    trivial = True

    def __init__(self) -> None:
        super().__init__(relative=True)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        if "of_time" not in batch:
            raise ValueError(
                f"{batch['equation'].name}: the best function of time is not known at these "
                "points; set the data's evaluation to zoo.data.points.sampled.Sampled, or measure "
                "the residual where there is no reference solution"
            )
        return model(cast(batch, model)) - batch["y"], batch["y"] - batch["of_time"]
