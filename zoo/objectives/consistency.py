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


class Consistency(OnLattices):
    """⟨(E(s) - E₀(s) + C)²⟩ / N with E₀ = -T0 ln p of a frozen sampler: two energies made one.

    C is the mean of E₀ over 10,000 uniform lattices, so the learned energy has mean 0 there. The
    lattices are drawn anew at every step from a mixture; in validation they are the batch's.

    Augmented, the label of a lattice is E₀ of the lattice seen through a random symmetry: the model
    learns the mean over symmetries, in which the sampler's errors partly cancel.

    Shapes:
        as in OnLattices.

    Args:
        teacher: the sampler; a recipe loads a release with `class_path: zoo.from_pretrained`.
        mixture: of lattices.
        augment: as in OnLattices, of labels alone.

    Raises:
        ValueError: the teacher is no sampler.

    Source:
        Sprague et al., arXiv 2003.02647: labels on uniform lattices or on the sampler's; the zero
        as in the authors' code.
    """

    zero: Tensor

    def __init__(
        self,
        teacher: Model,
        mixture: LabelMixture | None = None,
        *,
        augment: Augment = "none",
    ) -> None:
        super().__init__(augment, teacher)
        self.mixture = LabelMixture() if mixture is None else mixture
        self.register_buffer("zero", torch.zeros(()), persistent=False)

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
        parts = [self.teacher.energy(part).double() for part in uniform.split(2000)]
        self.zero.fill_(torch.cat(parts).mean())

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `rmse` is that of the whole lattice's energy."""
        assert isinstance(model, EnergyModel) and isinstance(self.teacher, Sampler)
        with torch.no_grad():
            s = self.mixture.draw(self.teacher, batch["s"]) if self.training else batch["s"]
            label = self.teacher.energy(self.seen(s)) - self.zero
        return compared(model.energy(s), label, s[0].numel())


def compared(energy: Tensor, label: Tensor, sites: int) -> dict[str, Tensor]:
    """Mean square difference per site, and its root of the whole lattice."""
    square = (energy - label).square().mean()
    return {"loss": square / sites, "rmse": square.detach().sqrt()}
