from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Listed(Dataset):
    """Batches made beforehand."""

    def __init__(self, batches: list[dict[str, Any]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.batches[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.batches)


class _Resumable(DataLoader):
    """A loader whose order knows itself where training stands; Lightning wants the methods.

    It hands batches on without a DataLoader's own iterator, which costs a tenth of a small net's
    step; there are no workers, and nothing is collated.
    """

    def __iter__(self) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A pass, in the order from where training stands."""
        # a DataLoader's pass draws a seed for workers: what objectives draw is the same as ever
        torch.empty((), dtype=torch.int64).random_(generator=self.generator)
        return map(self.dataset.__getitem__, self.sampler)

    def state_dict(self) -> dict[str, int]:
        """Nothing: the position follows from the number of steps."""
        return {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Nothing to load."""


def loader(data: Dataset, order: Any = None) -> DataLoader:
    """A loader of batches that stand in `data` as they are."""
    together: Any = _same
    return _Resumable(data, batch_size=None, sampler=order, collate_fn=together)


def share(batch: dict[str, Any], rank: int, ranks: int) -> dict[str, Any]:
    """Every `ranks`-th row of a batch."""
    return {k: v[rank::ranks] if isinstance(v, Tensor) else v for k, v in batch.items()}


def _same(batch: Any) -> Any:
    return batch
