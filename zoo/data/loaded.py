"""How batches are listed and loaded, and where in them a training stands."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader

from zoo.data.fields import Batch
from zoo.data.gather import Gather
from zoo.data.order import GlobalOrder, Share


class Once(GlobalOrder):
    """Every sample of every set once and in order, over all ranks together, for evaluation.

    Args:
        counts: samples per set.
        batch_size: samples of a batch, over all ranks together.
        rank: this process among `ranks`.
        ranks: processes that share the samples.
    """

    def __init__(self, counts: Sequence[int], batch_size: int, rank: int, ranks: int) -> None:
        local = max(1, batch_size // ranks)
        self.listed: list[Share] = []
        for number, count in enumerate(counts):
            mine = [(number, i) for i in range(rank, count, ranks)]
            self.listed += [Share(mine[k : k + local]) for k in range(0, len(mine), local)]
        self.num_replicas, self.rank, self.epoch = 1, 0, 0

    def __len__(self) -> int:
        return len(self.listed)

    def __iter__(self) -> Iterator[Share]:
        return iter(self.listed)


def loaded(data: Gather, order: GlobalOrder, workers: int) -> DataLoader:
    """Batches in an order, each gathered as a whole."""
    together: Any = _same
    return _Resumable(
        data, batch_size=None, sampler=order, num_workers=workers, collate_fn=together
    )


def position(trainer: Any) -> tuple[int, int] | None:
    """Epoch and batch at which training stands, by the steps taken: it survives a restart."""
    if trainer is None or trainer.fit_loop.max_batches in (0, float("inf")):
        return None
    together = trainer.accumulate_grad_batches
    epoch, step = divmod(trainer.global_step, -(-int(trainer.fit_loop.max_batches) // together))
    return epoch, step * together


class _Resumable(DataLoader):
    """A loader whose order knows itself where training stands; Lightning wants the methods."""

    def state_dict(self) -> dict[str, int]:
        """Nothing: the position follows from the number of steps."""
        return {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Nothing to load."""


def _same(batch: Batch) -> Batch:
    return batch
