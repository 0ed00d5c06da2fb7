from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.data.augment.augmentation import Augmentation
from zoo.data.fields import Fields, FieldSet
from zoo.data.gather import Gather
from zoo.data.loaded import Once, loaded, position
from zoo.data.mixture_checks import check_frames, check_sets
from zoo.data.order import GlobalOrder
from zoo.data.statistics import statistics
from zoo.data.window import Window
from zoo.models.base import Interface


class Mixture(LightningDataModule):
    """Data sets in one stream, their coefficients laid by name onto the union of all.

    A coefficient that a set lacks is what the set implies (`fill`), else zero; `has_p` tells which
    are its own. Every batch is in physical units and holds one grid.

    Args:
        sets: data sets; one of `zoo.data`'s sets, or a FieldSet of your own.
        batch_size: samples of a global batch, over all devices together.
        weights: relative share of each set in an epoch; None for their sizes.
        limit: use only so many training samples of every set, chosen by the seed; fewer of them
            are among more of them; None for all.
        seed: seed of the order and of what `limit` keeps; None for the run's own seed.
        workers: loader processes; 0 is fastest for data in memory, and of files that are not
            compressed.
        window: which frames of trajectories are inputs and which are targets; 8 and the next if
            left out.
        augment: changes to training samples, in this order, drawn anew in every epoch.
        hide_coefficients: models are not given the coefficients; objectives still see them.
    """

    def __init__(
        self,
        sets: list[FieldSet],
        batch_size: int = 32,
        *,
        weights: list[float] | None = None,
        limit: int | None = None,
        seed: int | None = None,
        workers: int = 0,
        window: Window | None = None,
        augment: list[Augmentation] | None = None,
        hide_coefficients: bool = False,
    ) -> None:
        super().__init__()
        check_sets(sets, batch_size, weights, limit)
        self.sets = sets
        self.batch_size = batch_size
        self.weights = weights
        self.limit = limit
        self.seed = seed
        self.workers = workers
        self.window = window
        self.augment = list(augment or [])
        self.hide_coefficients = hide_coefficients
        self._splits: dict[str, list[Fields]] = {}
        check_frames(sets, self._windows(), windowed=window is not None or bool(augment))

    def _windows(self) -> Window:
        return self.window if self.window is not None else Window()

    @property
    def systems(self) -> list[str]:
        """Names of the sets, in the order of the batch's `system` numbers."""
        return [item.name for item in self.sets]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """The union of the sets' coefficient names, in order of first appearance."""
        return tuple(dict.fromkeys(name for item in self.sets for name in item.coefficients))

    def interface(self) -> Interface:
        """What a model for these data takes and gives."""
        contents = self.contents()
        return replace(contents, coefficients=()) if self.hide_coefficients else contents

    def contents(self) -> Interface:
        """What the batches hold: as `interface`, with every coefficient that `p` has."""
        first = self.sets[0]
        window = Window(history=1) if first.length is None else self._windows()
        units = {key: unit for item in self.sets for key, unit in item.units.items()}
        names = (*first.inputs, *first.outputs, *self.coefficients)
        return Interface(
            inputs=first.inputs,
            outputs=first.outputs,
            coefficients=self.coefficients,
            units={name: units[name] for name in names},
            box=first.box,
            boundary=first.boundary,
            dt=first.dt,
            history=window.history,
            horizon=window.horizon,
            offset=window.offset,
        )

    def ranges(self) -> dict[str, dict[str, list[float]]]:
        """Interval of each coefficient by system."""
        return {
            item.name: {name: list(pair) for name, pair in item.ranges.items()}
            for item in self.sets
        }

    def prepare_data(self) -> None:
        """Generate what is not cached yet, on one process a node."""
        for split in ("train", "validation", "test"):
            for item in self.sets:
                item.split(split)

    def setup(self, stage: str | None = None) -> None:
        """Read the splits that a stage needs."""
        wanted = {"fit": ("train", "validation"), "validate": ("validation",), "test": ("test",)}
        for split in wanted.get(stage or "", ("train", "validation", "test")):
            self.split(split)

    def split(self, split: str) -> list[Fields]:
        """One split of every set, coefficients on the union."""
        if split not in self._splits:
            self._splits[split] = [
                self._cut(self._union(item, item.split(split)[self._kept(split, number)]), split)
                for number, item in enumerate(self.sets)
            ]
        return self._splits[split]

    def _seed(self) -> int:
        return torch.initial_seed() % 2**32 if self.seed is None else self.seed

    def _kept(self, split: str, number: int) -> Any:
        if split != "train" or self.limit is None:
            return slice(None)
        rng = np.random.default_rng((self._seed(), 3, number))
        return torch.from_numpy(rng.permutation(self.sets[number].count(split))[: self.limit])

    def _union(self, item: FieldSet, data: Fields) -> Fields:
        own = dict(zip(item.coefficients, data.p.unbind(1), strict=True))
        values = {**item.fill(data.p), **own}
        zero = data.p.new_zeros(len(data))
        columns = [values.get(name, zero) for name in self.coefficients]
        p = torch.stack(columns, 1) if columns else data.p[:, :0]
        return replace(data, p=p)

    def _cut(self, data: Fields, split: str) -> Fields:
        """Trajectories with their first windows as inputs and targets."""
        if data.frames is None:
            return data
        u, y = self._windows().first(data.frames, split == "train", len(self.sets[0].outputs))
        return replace(data, u=u, y=y)

    def has(self) -> Tensor:
        """Which coefficients each set owns, (sets, P) bool."""
        return torch.tensor([[c in s.coefficients for c in self.coefficients] for s in self.sets])

    def statistics(self) -> dict[str, Tensor]:
        """What normalisers are filled from: medians and moments of the training sets."""
        train, has = self.split("train"), self.has()
        if self.hide_coefficients:
            train, has = [replace(data, p=data.p[:, :0]) for data in train], has[:, :0]
        return statistics(train, has)

    def _loader(self, split: str, order: GlobalOrder) -> DataLoader:
        train = split == "train"
        data = Gather(
            self.split(split),
            self.sets,
            self.coefficients,
            augment=self.augment if train else [],
            window=self._windows(),
            seed=self._seed() if train else None,
        )
        return loaded(data, order, self.workers)

    def _ranks(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)

    def train_dataloader(self) -> DataLoader:
        """The global order's batches, this rank's part of each."""
        rank, ranks = self._ranks()
        counts = [len(d) for d in self.split("train")]
        order = GlobalOrder(
            counts,
            self.weights or [float(c) for c in counts],
            [item.shape() for item in self.sets],
            batch_size=self.batch_size,
            seed=self._seed(),
            rank=rank,
            ranks=ranks,
        )
        order.position = lambda: position(self.trainer)
        return self._loader("train", order)

    def _ordered(self, split: str) -> DataLoader:
        counts = [len(data) for data in self.split(split)]
        return self._loader(split, Once(counts, self.batch_size, *self._ranks()))

    def val_dataloader(self) -> DataLoader:
        """Every validation sample once, over all ranks together."""
        return self._ordered("validation")

    def test_dataloader(self) -> DataLoader:
        """Every test sample once, over all ranks together."""
        return self._ordered("test")
