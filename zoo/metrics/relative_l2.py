from typing import Any

from torch import Tensor

from zoo.metrics.base import PerSystem, predicted
from zoo.models.base import Model
from zoo.ops.norms import relative_l2


class RelativeL2(PerSystem):
    """Mean over samples of ||û - u||₂ / ||u||₂, over all frames of a rollout together.

    Source:
        The measure of Subramanian et al., NeurIPS 2023 (arXiv 2306.00258).
    """

    title = "relative_l2"

    def samples(self, model: Model, batch: dict[str, Any]) -> Tensor:
        """As in PerSystem."""
        return relative_l2(predicted(model, batch), batch["y"])
