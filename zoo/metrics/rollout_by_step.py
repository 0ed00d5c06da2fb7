from typing import Any

import torch

from zoo.metrics.base import PerSystem, predicted
from zoo.models.base import Model
from zoo.ops.norms import relative_l2


class RolloutByStep(PerSystem):
    """Relative L2 error of single frames of a rollout: how it grows with the steps taken.

    `compute` gives `<system>/step=<k>/relative_l2` for every step asked for; step 1 is the first
    predicted frame. The targets of the batch must reach that far (`window.evaluate`).

    Args:
        steps: the steps told, counted from 1.

    Raises:
        ValueError: a step lies beyond the targets.
    """

    title = "relative_l2"

    def __init__(self, steps: list[int]) -> None:
        super().__init__()
        if not steps or min(steps) < 1:
            raise ValueError(f"steps={steps}: at least one, each at least 1")
        self.steps = list(steps)
        self.name_systems(["all"])

    def name_systems(self, systems: list[str]) -> None:
        """As in PerSystem; one sum for every step of every system."""
        self._size([f"{name}/step={step:02d}" for name in systems for step in self.steps])

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """As in PerSystem."""
        target = batch["y"]
        if target.shape[1] < max(self.steps):
            raise ValueError(
                f"steps={self.steps}: the targets have {target.shape[1]} frames; set "
                f"window.evaluate to at least {max(self.steps)} or ask for fewer steps"
            )
        prediction = predicted(model, batch)
        for place, step in enumerate(self.steps):
            errors = relative_l2(prediction[:, step - 1], target[:, step - 1]).double()
            index = batch["system"] * len(self.steps) + place
            self.total.index_add_(0, index, errors)
            self.count.index_add_(0, index, torch.ones_like(errors))

    def compute(self) -> dict[str, torch.Tensor]:
        """Means by system and step, without a mean over steps."""
        return {name: value for name, value in super().compute().items() if "/" in name}
