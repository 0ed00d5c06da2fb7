from typing import Any

from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class PointError(PointMetric):
    """Error of a field's values over a lattice: ‖û - u‖ / ‖u‖, or the L2 norm of û - u.

    Source:
        Both norms as in Trenta, Cossu, Bacciu, TMLR 2026 (arXiv 2505.01391).
    """

    def __init__(self, relative: bool = True) -> None:
        super().__init__(relative)
        self.title = "relative_l2" if relative else "l2"
        self.trivial = relative

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        if "y" not in batch:
            raise ValueError(
                f"{batch['equation'].name} has no reference solution; measure its residual"
            )
        return model(cast(batch, model)) - batch["y"], batch["y"]
