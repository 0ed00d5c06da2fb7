from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.metrics.base import PerSystem
from zoo.models.base import Model

INSTANCES = 64


class PointMetric(PerSystem):
    """A norm over points, from sums by region and by instance of the parameters.

    Norms are taken over each instance's points and averaged over instances; the headline is over
    all regions together. Exact under DDP: sums are added in float64 before any root is drawn.

    Args:
        relative: divide by the norm of the truth; else the norm over the region, each point of a
            lattice standing for its cell, or over the law that points are drawn by.
    """

    order: ClassVar[int] = 2
    """p of the norm (Σ|e|ᵖ)¹ᐟᵖ over points and numbers at a point."""
    trivial = False
    """Whether the predictors that learn nothing have this figure too."""

    scale: Tensor

    def __init__(self, relative: bool = False) -> None:
        super().__init__()
        self.relative = relative

    def _size(self, systems: list[str]) -> None:
        self.systems = list(systems)
        zeros = torch.zeros(len(systems), INSTANCES, dtype=torch.float64)
        for name in ("total", "scale", "count"):
            self.add_state(name, zeros.clone(), dist_reduce_fx="sum")

    @abstractmethod
    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Error and truth at each point, two (n, ...); the truth only counts where relative."""

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """Add a batch."""
        number = batch["instance"]
        if number >= INSTANCES:
            raise ValueError(f"{batch['instances']} instances; a metric holds up to {INSTANCES}")
        error, truth = self.errors(model, batch)
        weight = 1.0 if self.relative else batch["cell"]
        rows = batch["system"]
        for state, values in ((self.total, error), (self.scale, truth)):
            powers = values.double().flatten(1).abs().pow(self.order).sum(1) * weight
            state[:, number].index_add_(0, rows, powers)
        self.count[:, number].index_add_(0, rows, torch.ones_like(rows, dtype=torch.float64))

    def compute(self) -> dict[str, Tensor]:
        """Means over instances by region, and over the whole of it."""
        found: dict[str, Tensor] = {}
        self.seen = {}
        whole = [state.sum(0, keepdim=True) for state in (self.total, self.scale, self.count)]
        for i, system in enumerate(self.systems):
            parts = [s[i : i + 1] for s in (self.total, self.scale, self.count)]
            self._add(found, f"{system}/{self.title}", parts)
        self._add(found, self.title, whole)
        return found

    def _add(self, found: dict[str, Tensor], name: str, sums: list[Tensor]) -> None:
        total, scale, count = (one[0] for one in sums)
        seen = count > 0
        if not bool(seen.any()):
            return
        powers = total / scale.clamp_min(1e-300) if self.relative else total
        found[name] = powers[seen].pow(1 / self.order).mean()
        self.seen[name] = int(count.sum())


def cast(batch: dict[str, Any], model: Model) -> Tensor:
    """The batch's points in the model's own precision."""
    return batch["x"].to(next(model.parameters()).dtype)
