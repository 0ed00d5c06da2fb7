from typing import Any

from torch import Tensor

from zoo.models.base import Model
from zoo.objectives.base import Objective


class Squared(Objective):
    """Mean over samples of the squared error, summed over channels and grid points.

    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), the loss of the authors' code. It grows
        with the number of grid points: Adam cancels that factor, plain SGD does not.
    """

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        error = model(batch["u"], batch["p"]) - batch["y"]
        return {"loss": error.square().flatten(1).sum(1).mean()}
