import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.data.points.loader import Listed, loader, share
from zoo.data.points.order import Steps, standing
from zoo.data.spins.exact import log_partition
from zoo.data.spins.lattices import Lattices
from zoo.metrics.energy_error import EnergyError
from zoo.metrics.free_energy_gap import FreeEnergyGap
from zoo.metrics.kullback_leibler import KullbackLeibler
from zoo.metrics.lattice_metric import LatticeMetric
from zoo.metrics.negative_log_likelihood import NegativeLogLikelihood
from zoo.models.base import Interface, Model
from zoo.models.energy_model import spins
from zoo.models.sampler import Sampler
from zoo.spin.energy import Energy

SPLITS = ("train", "validation", "test")
CHUNK = 2048
"""Lattices in a batch of validation or test."""


class SpinData(LightningDataModule, ABC):
    """Lattices of spins of one temperature, and others on which energies are compared.

    A training batch holds `s` (b, *n) colours, `beta` (b,), `weight`, and, where the energy is
    known, `label` (b,), that of whole lattices. Validation and test have two kinds of batches,
    `kind`: "thermal" ones of that temperature, and "uniform" ones of independent spins; with the
    `energy` itself, `log_z`, the exact ln Z, each None where unknown, and a `seed` for metrics that
    draw.

    Args:
        system: the energy that the lattices are drawn from, if it is known.
        shape: of the lattices.
        colours: states of a spin.
        temperature: T0.
        batch_size: lattices in a global batch, over all devices together.
        seed: of the order.

    Raises:
        ValueError: a temperature not above 0, no lattice in a batch, or a shape the energy is not
            defined on.
    """

    def __init__(
        self,
        system: Energy | None,
        shape: tuple[int, ...],
        *,
        colours: int,
        temperature: float,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.system, self.shape, self.temperature = system, tuple(shape), temperature
        self.colours, self.batch_size, self.seed = colours, batch_size, seed
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: at least 1 lattice")
        if system is not None:
            system.on(self.shape)
        self.interface()
        self._log_z: list[float | None] = []

    @abstractmethod
    def lattices(self, split: str) -> Tensor:
        """Lattices of a split, (b, *n) uint8 colours."""

    def interface(self) -> Interface:
        """What a model of these lattices takes and gives; it holds T0."""
        return spins(self.shape, self.colours, self.temperature)

    def contents(self) -> Interface:
        """What the batches hold: as `interface`."""
        return self.interface()

    @property
    def systems(self) -> list[str]:
        """The energy's name and the lattice."""
        name = "spins" if self.system is None else type(self.system).__name__
        return [f"{name} {'x'.join(map(str, self.shape))}"]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """None."""
        return ()

    def statistics(self) -> dict[str, Tensor]:
        """Nothing: spins are not scaled."""
        return {}

    def ranges(self) -> dict[str, dict[str, list[float]]]:
        """The one temperature."""
        return {self.systems[0]: {"T": [self.temperature, self.temperature]}}

    def measures(self, model: Model) -> list[LatticeMetric]:
        """What is measured where a task names nothing; weights are kept by the first."""
        found: list[LatticeMetric] = []
        if isinstance(model, Sampler):
            exact = self.log_z is not None
            found += [KullbackLeibler()] if exact else []
            found += [NegativeLogLikelihood()]
            found += [FreeEnergyGap()] if exact else []
        known = self.system is not None
        if not known and not found:
            raise ValueError(
                f"a {type(model).__name__} learns an energy, and the data name none to compare "
                "with; give system, or the task's metrics"
            )
        return found + ([EnergyError()] if known else [])

    @property
    def log_z(self) -> float | None:
        """Ln Z of the lattice at T0, where it is known exactly."""
        if not self._log_z:
            system = self.system
            self._log_z = [
                log_partition(system, self.shape, self.temperature) if system is not None else None
            ]
        return self._log_z[0]

    def rows(self, s: Tensor) -> dict[str, Tensor]:
        """What a batch holds of each lattice."""
        found = {"s": s, "beta": torch.full((len(s),), 1 / self.temperature)}
        if self.system is not None:
            found["label"] = self.system.of(s).float()
        return found

    def train_dataloader(self) -> DataLoader:
        """This rank's share of each batch."""
        trainer = self.trainer
        rank, ranks = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        rows = self.rows(self.lattices("train"))
        data = Lattices(rows, self.batch_size, seed=self.seed, rank=rank, ranks=ranks)
        order = Steps(data.steps)
        order.position = lambda: standing(self.trainer)
        return loader(data, order)

    def others(self, split: str) -> Tensor:
        """Lattices on which learned and true energies are compared: as many, independent spins."""
        rng = torch.Generator().manual_seed(SPLITS.index(split))
        shape = self.lattices(split).shape
        return torch.randint(self.colours, shape, generator=rng).to(torch.uint8)

    def batches(self, split: str) -> list[dict[str, Any]]:
        """Batches that validation and test measure on."""
        thermal = self.lattices(split)
        found = []
        for kind, s in (("thermal", thermal), ("uniform", self.others(split))):
            rows = {key: value.split(CHUNK) for key, value in self.rows(s).items()}
            for number in range(len(rows["s"])):
                each = {key: parts[number] for key, parts in rows.items()}
                told = {"energy": self.system, "log_z": self.log_z}
                found.append({**each, **told, "kind": kind, "weight": 1.0})
        return found

    def _compared(self, split: str) -> DataLoader:
        trainer = self.trainer
        rank, ranks = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        parts = [share(batch, rank, ranks) for batch in self.batches(split)]
        # ranks draw lattices of their own
        parts = [{**part, "seed": ranks * i + rank} for i, part in enumerate(parts)]
        return loader(Listed(parts))

    def val_dataloader(self) -> DataLoader:
        """Lattices of the validation split, once over all ranks together."""
        return self._compared("validation")

    def test_dataloader(self) -> DataLoader:
        """Lattices of the test split, once over all ranks together."""
        return self._compared("test")

    def trivials(self, split: str, figure: str) -> dict[str, dict[str, float]]:
        """A figure of independent spins, -ln p = N ln Q and a constant energy; {} of another."""
        sites, t = math.prod(self.shape), self.temperature
        free = math.log(self.colours)
        if figure == NegativeLogLikelihood.title:
            return {"": {"independent spins": free}}
        if self.system is None:
            return {}
        own = {
            batch["kind"]: batch["label"].double().flatten()
            for batch in reversed(self.batches(split))
        }
        uniform = own["uniform"]
        if figure == EnergyError.title:
            return {"": {"constant energy": float(uniform.std(unbiased=False))}}
        if self.log_z is None:
            return {}
        values = {
            KullbackLeibler.title: sites * free - float(own["thermal"].mean()) / t - self.log_z,
            FreeEnergyGap.title: float(uniform.mean()) / sites + t * (self.log_z / sites - free),
        }
        return {"": {"independent spins": values[figure]}} if figure in values else {}
