from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import Metric


class Terms(Metric):
    """Sample-weighted means of an objective's own scalars, exact under DDP and uneven batches."""

    total: Tensor
    count: Tensor
    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.add_state("total", torch.zeros(0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, terms: Mapping[str, Tensor], samples: int) -> None:
        """Add a batch's scalars; the names must be the same in every batch."""
        values = torch.stack([value.detach().double() for value in terms.values()])
        if not self.names:
            self.names = list(terms)
        if not len(self.total):
            self.total = torch.zeros_like(values)
        self.total = self.total + samples * values
        self.count = self.count + samples

    def compute(self) -> dict[str, Tensor]:
        """The means by name."""
        return dict(zip(self.names, self.total / self.count, strict=True))
