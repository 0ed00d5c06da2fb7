from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from zoo.models.base import Model


class PerSystem(Metric):
    """A per-sample figure, averaged within each system and then over systems.

    Exact under DDP and uneven batches: sums and counts are added, in float64, before the division.
    `compute` gives `<system>/<name>` for each system and `<name>`, their plain mean; `seen` then
    holds the number of samples behind each figure.
    """

    title: str
    total: Tensor
    count: Tensor
    full_state_update = False
    higher_is_better = False

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}
        self._size(["all"])

    def name_systems(self, systems: list[str]) -> None:
        """Size the sums for these systems; `batch["system"]` counts through them."""
        self._size(systems)

    def _size(self, systems: list[str]) -> None:
        self.systems = list(systems)
        zeros = torch.zeros(len(systems), dtype=torch.float64)
        self.add_state("total", zeros.clone(), dist_reduce_fx="sum")
        self.add_state("count", zeros.clone(), dist_reduce_fx="sum")

    def samples(self, model: Model, batch: dict[str, Any]) -> Tensor:
        """The figure of each sample, (b,)."""
        raise NotImplementedError(f"{type(self).__name__}.samples")

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """Add a batch."""
        values = self.samples(model, batch).double()
        self.total.index_add_(0, batch["system"], values)
        self.count.index_add_(0, batch["system"], torch.ones_like(values))

    def compute(self) -> dict[str, Tensor]:
        """Means by system, and their mean."""
        seen = self.count > 0
        means = torch.where(seen, self.total / self.count.clamp_min(1), torch.nan)
        each = {
            f"{system}/{self.title}": means[i] for i, system in enumerate(self.systems) if seen[i]
        }
        self.seen = {
            f"{system}/{self.title}": int(self.count[i]) for i, system in enumerate(self.systems)
        }
        self.seen[self.title] = int(self.count.sum())
        return {**each, self.title: means[seen].mean()}


def predicted(model: Model, batch: dict[str, Any]) -> Tensor:
    """What the model gives for a batch: a rollout where the targets reach further than one pass.

    Shapes:
        (b, t', c', *n), as batch["y"].
    """
    frames, horizon = batch["y"].shape[1], model.interface.horizon
    if frames <= horizon:
        return model(batch["u"], batch["p"])
    rolled: Any = model
    return rolled.rollout(batch["u"], -(-frames // horizon), batch["p"])[:, :frames]
