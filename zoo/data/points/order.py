from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

Step = tuple[int, int]
"""Epoch, and number of a batch in it."""


class Steps(DistributedSampler):
    """The batches of an epoch by number; a `DistributedSampler` only so that Lightning obeys it.

    Args:
        count: batches of an epoch.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.num_replicas, self.rank, self.epoch = 1, 0, 0
        self.position: Any = lambda: None

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Step]:
        """Every batch from where training stands."""
        # a generator: where training stands is asked with the first batch, when it is restored
        epoch, first = self.position() or (self.epoch, 0)
        for number in range(first, self.count):
            yield epoch, number

    def set_epoch(self, epoch: int) -> None:
        """As in DistributedSampler."""
        self.epoch = epoch


def standing(trainer: Any) -> tuple[int, int] | None:
    """Epoch and batch at which training stands, by the steps taken: it survives a restart."""
    if trainer is None or trainer.fit_loop.max_batches in (0, float("inf")):
        return None
    together = trainer.accumulate_grad_batches
    epoch, step = divmod(trainer.global_step, -(-int(trainer.fit_loop.max_batches) // together))
    return epoch, step * together


class Cloud(Dataset):
    """Batches of named parts, cut from one order that seed, epoch and number fix.

    A part with more points than `batch_size` gives so many, from a permutation that is new in each
    pass over it; a smaller one is given whole. Each rank takes every `ranks`-th row of each part,
    and `weight`, a plain number, then makes the mean over ranks of weighted means exact.

    Args:
        parts: tensors of equal length by part and key.
        batch_size: rows of a part in a global batch; None for all of them.
        seed: of the order.
        rank: this process.
        ranks: processes that share each batch.
        extra: what stands in every batch beside the parts.
        dtype: of the floating-point tensors.
        steps: batches of an epoch; one pass over the largest part if left out.
    """

    def __init__(
        self,
        parts: dict[str, dict[str, Tensor]],
        batch_size: int | None,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        extra: dict[str, Any] | None = None,
        dtype: torch.dtype = torch.float32,
        steps: int | None = None,
    ) -> None:
        self.parts = {
            name: {key: value.to(dtype) for key, value in part.items()}
            for name, part in parts.items()
        }
        self.batch_size = batch_size
        self.seed = seed
        self.rank, self.ranks = rank, ranks
        self.extra = dict(extra or {})
        self.steps = max(map(self._passes, self.parts)) if steps is None else steps
        self._orders: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        whole = [name for name in self.parts if self._passes(name) == 1]
        self._whole = {name: self._all(self.parts[name]) for name in whole}

    def _passes(self, name: str) -> int:
        """Batches in one pass over a part."""
        count = len(self.parts[name]["x"])
        return 1 if self.batch_size is None else -(-count // self.batch_size)

    def __getitem__(self, step: Step) -> dict[str, Any]:
        """This rank's share of a batch; a part that is given whole is not copied."""
        epoch, number = step
        total = epoch * self.steps + number
        batch: dict[str, Any] = {**self.extra, "weight": 1.0}
        for place, (name, part) in enumerate(self.parts.items()):
            if name in self._whole:
                batch[name] = dict(self._whole[name])
                continue
            rows = self._rows(place, name, total)
            mine = rows[self.rank :: self.ranks]
            batch[name] = {key: value.index_select(0, mine) for key, value in part.items()}
            batch[name]["weight"] = len(mine) * self.ranks / len(rows)
        return batch

    def _all(self, part: dict[str, Tensor]) -> dict[str, Any]:
        """This rank's share of a part that is given whole."""
        share = {key: value[self.rank :: self.ranks].contiguous() for key, value in part.items()}
        return {**share, "weight": len(share["x"]) * self.ranks / len(part["x"])}

    def _rows(self, place: int, name: str, total: int) -> Tensor:
        count, passes = len(self.parts[name]["x"]), self._passes(name)
        turn, number = divmod(total, passes)
        if (place, turn) not in self._orders:
            self._orders = {key: one for key, one in self._orders.items() if key[0] != place}
            rng = np.random.default_rng((self.seed, place, turn))
            self._orders[place, turn] = torch.from_numpy(rng.permutation(count)).tensor_split(
                passes
            )
        return self._orders[place, turn][number]
