from typing import Any

from torch import Tensor

from zoo.models.base import Model
from zoo.models.energy_model import EnergyModel
from zoo.objectives.consistency import compared
from zoo.objectives.on_lattices import Augment, OnLattices
from zoo.spin.energy import Energy


class EnergyRegression(OnLattices):
    """⟨(E(s) - H(s))²⟩ / N against the true energy: what a model learns that is told it.

    Shapes:
        as in OnLattices; label (b,), the energies of whole lattices, where no energy is named.

    Args:
        energy: H; the batch's `label` if left out.
        augment: as in OnLattices.

    Raises:
        ValueError: there is neither an energy nor a label.
    """

    def __init__(self, energy: Energy | None = None, *, augment: Augment = "none") -> None:
        super().__init__(augment)
        self.energy = energy

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `rmse` is that of the whole lattice's energy."""
        assert isinstance(model, EnergyModel)
        s = self.seen(batch["s"])
        if self.energy is None and "label" not in batch:
            raise ValueError(
                f"the batch has no 'label', only {sorted(batch)}; name the energy, e.g. "
                "energy: {class_path: zoo.spin.ising.Ising}"
            )
        label = batch["label"] if self.energy is None else self.energy.of(s)
        return compared(model.energy(s), label.to(s.device), s[0].numel())
