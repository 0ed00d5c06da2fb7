from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from zoo.metrics.base import PerSystem
from zoo.models.base import Model
from zoo.models.energy_model import EnergyModel


class LatticeMetric(PerSystem):
    """A function of means over lattices of spins; `zoo.data.spins` makes the batches.

    Exact under DDP and uneven batches: sums are added in float64 before the function is taken.
    """

    kind: ClassVar[Literal["thermal", "uniform"]] = "thermal"
    """Of the batches that it looks at; it passes over the others."""
    terms: ClassVar[int] = 1
    """How many numbers of each lattice are averaged."""
    wanted: ClassVar[type[EnergyModel]] = EnergyModel
    """What it can measure."""

    sums: Tensor

    def _size(self, systems: list[str]) -> None:
        self.systems = list(systems)
        self.add_state("sums", torch.zeros(self.terms, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    @abstractmethod
    def parts(self, model: Any, batch: dict[str, Any]) -> Tensor:
        """Numbers of each lattice, (b, terms) float64."""

    @abstractmethod
    def figures(self, means: Tensor, count: float) -> dict[str, Tensor]:
        """Figures by name from the means of `parts` over so many lattices."""

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """Add a batch.

        Raises:
            ValueError: the model is of another kind.
        """
        if not isinstance(model, self.wanted):
            raise ValueError(
                f"{type(self).__name__} measures a {self.wanted.__name__}, got a "
                f"{type(model).__name__}; name other metrics"
            )
        if batch["kind"] == self.kind and len(batch["s"]):
            with torch.no_grad():
                self.sums += self.parts(model, batch).sum(0)
            self.count += len(batch["s"])

    def compute(self) -> dict[str, Tensor]:
        """Figures by name."""
        count = float(self.count)
        if not count:
            raise ValueError(f"{type(self).__name__} has seen no {self.kind} lattices; add some")
        found = self.figures(self.sums / count, count)
        self.seen = dict.fromkeys(found, int(count))
        return found


def label(batch: dict[str, Any]) -> Tensor:
    """The true energies of a batch, (b,) float64.

    Raises:
        ValueError: they are not known.
    """
    if "label" not in batch:
        raise ValueError("the data name no energy to compare with; give them `system`")
    return batch["label"].double()


def log_z(batch: dict[str, Any]) -> float:
    """The exact ln Z of a batch's lattice.

    Raises:
        ValueError: it is not known.
    """
    if batch.get("log_z") is None:
        raise ValueError(
            f"ln Z of this energy on {tuple(batch['s'].shape[1:])} is not known exactly; measure "
            "NegativeLogLikelihood, or take a smaller lattice"
        )
    return batch["log_z"]
