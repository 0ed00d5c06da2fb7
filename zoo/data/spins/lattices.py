from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo.data.points.order import Step


class Lattices(Dataset):
    """Batches of rows in an order that seed and epoch fix, each row once an epoch.

    Each rank takes every `ranks`-th row of a global batch; `weight`, a plain number, makes the mean
    over ranks of weighted means exact.

    Args:
        rows: tensors of equal length by key.
        batch_size: rows of a global batch.
        seed: of the order.
        rank: this process.
        ranks: processes that share each batch.
    """

    def __init__(
        self,
        rows: dict[str, Tensor],
        batch_size: int,
        *,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.rows = rows
        self.count = len(rows["s"])
        self.seed = seed
        self.rank, self.ranks = rank, ranks
        self.steps = -(-self.count // batch_size)
        self._epoch, self._order = -1, ()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: Step) -> dict[str, Any]:
        """This rank's share of a batch."""
        epoch, number = step
        if epoch != self._epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.count)
            self._epoch, self._order = epoch, torch.from_numpy(order).tensor_split(self.steps)
        whole = self._order[number]
        mine = whole[self.rank :: self.ranks]
        batch: dict[str, Any] = {k: value.index_select(0, mine) for k, value in self.rows.items()}
        batch["weight"] = len(mine) * self.ranks / len(whole)
        return batch
