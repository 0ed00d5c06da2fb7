from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import DistributedSampler

Index = tuple[int, int]
"""A data set's number and a sample's number in it."""


@dataclass(frozen=True)
class Share:
    """One rank's part of a global batch.

    Args:
        batch: the whole global batch.
        rank: this rank takes every `ranks`-th sample, from this one on.
        ranks: how many share the batch.
        epoch: which epoch, for draws that are new in each.
        number: which batch of the epoch.
    """

    batch: list[Index]
    rank: int = 0
    ranks: int = 1
    epoch: int = 0
    number: int = 0

    @property
    def places(self) -> list[int]:
        """Where this rank's samples stand in the global batch."""
        return list(range(self.rank, len(self.batch), self.ranks))

    @property
    def indices(self) -> list[Index]:
        """This rank's samples."""
        return self.batch[self.rank :: self.ranks]

    @property
    def weight(self) -> float:
        """Its share times the number of ranks, so that uneven ranks average exactly."""
        return len(self.places) * self.ranks / len(self.batch)


class GlobalOrder(DistributedSampler):
    """The order in which a mixture is seen: one seed fixes it over sets, ranks and workers.

    An epoch draws `sum(counts)` samples, shared out among the sets by their weights; a set starts a
    new permutation only when the last is used up. Batches are cut from the global order, one grid
    per batch, and each rank takes every `ranks`-th sample of a batch: so any number of ranks sees
    the same global batches. The last batch may be smaller; nothing is dropped or repeated.

    It is a `DistributedSampler` only so that Lightning leaves it alone and calls `set_epoch`.

    Args:
        counts: samples per set.
        weights: relative share of each set in an epoch.
        grids: a key per set; sets with equal keys may share a batch.
        batch_size: samples of a global batch.
        seed: seed of the order.
        rank: this process among `ranks`.
        ranks: processes that share each batch.
    """

    def __init__(
        self,
        counts: Sequence[int],
        weights: Sequence[float],
        grids: Sequence[object],
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.counts = list(counts)
        self.grids = list(grids)
        self.batch_size = batch_size
        self.seed = seed
        self.num_replicas, self.rank = ranks, rank
        self.epoch = 0
        self.position: Callable[[], tuple[int, int] | None] = lambda: None
        total, share = sum(self.counts), np.asarray(weights, float) / sum(weights)
        self.draws = [round(float(total * s)) for s in share]
        self.draws[int(np.argmax(self.draws))] += total - sum(self.draws)

    def batches(self, epoch: int) -> list[list[Index]]:
        """The global batches of an epoch."""
        drawn: dict[object, list[Index]] = {}
        for number, (size, draws) in enumerate(zip(self.counts, self.draws, strict=True)):
            places = np.arange(epoch * draws, (epoch + 1) * draws)
            for cycle in np.unique(places // max(size, 1)):
                order = np.random.default_rng((self.seed, 1, number, int(cycle))).permutation(size)
                inside = places[places // size == cycle] % size
                drawn.setdefault(self.grids[number], []).extend(
                    (number, int(i)) for i in order[inside]
                )
        rng = np.random.default_rng((self.seed, 2, epoch))
        batches = []
        for indices in drawn.values():
            mixed = [indices[i] for i in rng.permutation(len(indices))]
            batches += [
                mixed[i : i + self.batch_size] for i in range(0, len(mixed), self.batch_size)
            ]
        return [batches[i] for i in rng.permutation(len(batches))] if len(drawn) > 1 else batches

    def __len__(self) -> int:
        by_grid: dict[object, int] = {}
        for grid, draws in zip(self.grids, self.draws, strict=True):
            by_grid[grid] = by_grid.get(grid, 0) + draws
        return sum(-(-draws // self.batch_size) for draws in by_grid.values())

    def __iter__(self) -> Iterator[Share]:
        """This rank's part of each batch."""
        epoch, start = self.position() or (self.epoch, 0)
        for number, batch in list(enumerate(self.batches(epoch)))[start:]:
            share = Share(batch, self.rank, self.num_replicas, epoch, number)
            if not share.places:
                raise ValueError(
                    f"a batch of {len(batch)} samples leaves rank {self.rank} of "
                    f"{self.num_replicas} without any; use fewer devices or a larger batch"
                )
            yield share

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iteration gives, unless `position` says so; Lightning calls it."""
        self.epoch = epoch
