from collections.abc import Iterator
from typing import Any

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
    """A loader whose order knows itself where training stands; Lightning wants the methods."""

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
