from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.energy_model import EnergyModel, spins
from zoo.models.rnn import RNN
from zoo.models.sampler import Sampler
from zoo.objectives.label_mixture import LabelMixture
from zoo.objectives.on_lattices import Augment, OnLattices

UNIFORM = 10_000
"""Uniform lattices whose mean energy is the zero of labels."""
CHUNK = 2000
"""Lattices that the sampler sees together."""


class Consistency(OnLattices):
    """⟨(E(s) - E₀(s) + C)²⟩ / N with E₀ = -T0 ln p of a frozen sampler: two energies made one.

    C is the mean of E₀ over 10,000 uniform lattices, so the learned energy has mean 0 there. The
    lattices are drawn from a mixture, anew at every step or once; in validation they are the
    batch's.

    Augmented, the label of a lattice is E₀ of the lattice seen through a random symmetry: the model
    learns the mean over symmetries, in which the sampler's errors partly cancel.

    Shapes:
        as in OnLattices.

    Args:
        teacher: the sampler; a recipe loads a release with `class_path: zoo.from_pretrained`.
        mixture: of lattices.
        augment: as in OnLattices, of labels alone.
        pool: lattices that are drawn and labelled once, before the first step, and shown in random
            batches: far less time where the sampler costs more than the model, at the price of
            memory. None draws as many as are in a batch, at every step.

    Raises:
        ValueError: the teacher is no sampler, or a pool that holds data or nothing.

    Source:
        Sprague et al., arXiv 2003.02647: labels on uniform lattices or on the sampler's; the zero
        as in the authors' code.
    """

    zero: Tensor
    lattices: Tensor
    labels: Tensor

    def __init__(
        self,
        teacher: Model,
        mixture: LabelMixture | None = None,
        *,
        augment: Augment = "none",
        pool: int | None = None,
    ) -> None:
        super().__init__(augment, teacher)
        self.mixture = LabelMixture() if mixture is None else mixture
        if pool is not None and (pool < 1 or self.mixture.data):
            raise ValueError(
                f"pool={pool}, mixture.data={self.mixture.data}: a pool holds at least 1 lattice, "
                "and none of a batch's; leave pool out to see the data"
            )
        self.pool = pool
        self.register_buffer("zero", torch.zeros(()), persistent=False)
        self.register_buffer("lattices", torch.zeros(0, dtype=torch.uint8), persistent=False)
        self.register_buffer("labels", torch.zeros(0), persistent=False)

    @classmethod
    def tiny(cls) -> "Consistency":
        """As in Objective."""
        return cls(RNN(spins((4, 4), 2, 4.0), hidden=8))

    def _models(self, model: Model) -> list[tuple[str, Model, type[EnergyModel]]]:
        """As in OnLattices."""
        assert self.teacher is not None
        return [("model", model, self.trains), ("teacher", self.teacher, Sampler)]

    @torch.no_grad()
    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective; it also finds the zero of the labels."""
        super().bind(model, interface)
        assert isinstance(self.teacher, Sampler)
        device = next(self.teacher.parameters()).device
        # a seed of its own: every rank subtracts the same
        uniform = self.teacher.uniform(UNIFORM, torch.Generator().manual_seed(0)).to(device)
        parts = [self.teacher.energy(part).double() for part in uniform.split(CHUNK)]
        self.zero.fill_(torch.cat(parts).mean())
        if self.pool is not None:
            self._fill(self.pool, device)

    def _fill(self, count: int, device: torch.device) -> None:
        """Draw and label the pool; a run that was stopped finds the same again."""
        assert isinstance(self.teacher, Sampler)
        parts = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch.initial_seed())
            none = torch.zeros(count, *self.teacher.shape, dtype=torch.uint8, device=device)
            for rows in none.split(CHUNK):
                s = self.mixture.draw(self.teacher, rows)
                parts.append((s, self.teacher.energy(self.seen(s)) - self.zero))
        self.lattices, self.labels = (torch.cat(part) for part in zip(*parts, strict=True))

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `rmse` is that of the whole lattice's energy."""
        assert isinstance(model, EnergyModel) and isinstance(self.teacher, Sampler)
        with torch.no_grad():
            if self.training and len(self.labels):
                rows = torch.randint(len(self.labels), (len(batch["s"]),)).to(self.labels.device)
                s, label = self.lattices[rows], self.labels[rows]
            else:
                s = self.mixture.draw(self.teacher, batch["s"]) if self.training else batch["s"]
                label = self.teacher.energy(self.seen(s)) - self.zero
        return compared(model.energy(s), label, s[0].numel())


def compared(energy: Tensor, label: Tensor, sites: int) -> dict[str, Tensor]:
    """Mean square difference per site, and its root of the whole lattice."""
    square = (energy - label).square().mean()
    return {"loss": square / sites, "rmse": square.detach().sqrt()}
