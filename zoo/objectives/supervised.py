from typing import Any

from torch import Tensor

from zoo.models.base import Model
from zoo.objectives.base import Objective
from zoo.ops.norms import relative_l2


class Supervised(Objective):
    """Mean over samples of ||û - u||₂ / ||u||₂, on physical outputs.

    Shapes:
        batch u (b,t,c,*n), y (b,t',c',*n), p (b,P).
    Source:
        The error of Subramanian et al., NeurIPS 2023 (arXiv 2306.00258). They minimise the squared
        error summed over pixels instead, which ties the learning rate to the grid.
    """

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        return {"loss": relative_l2(model(batch["u"], batch["p"]), batch["y"]).mean()}
