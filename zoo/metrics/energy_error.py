from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from zoo.metrics.lattice_metric import LatticeMetric, label
from zoo.models.energy_model import EnergyModel


class EnergyError(LatticeMetric):
    """Learned against true energy on lattices of independent spins, both less their means.

    `energy_rmse` is the root mean square of their difference, `energy_slope` that of the line of
    the learned over the true one, `energy_r` their correlation.

    Units:
        energy_rmse in that of energy, of the whole lattice.

    Source:
        Sprague et al., arXiv 2003.02647, the authors' analysis of T0 ln p.
    """

    title = "energy_rmse"
    kind: ClassVar[Literal["thermal", "uniform"]] = "uniform"
    terms: ClassVar[int] = 5

    def parts(self, model: EnergyModel, batch: dict[str, Any]) -> Tensor:
        """As in LatticeMetric."""
        true = label(batch)
        # of the difference, so that a good model's small error is not lost between large numbers
        off = model.energy(batch["s"]).double() - true
        return torch.stack([true, off, true * true, off * off, true * off], 1)

    def figures(self, means: Tensor, count: float) -> dict[str, Tensor]:
        """As in LatticeMetric."""
        true, off, squares, errors, products = means
        variance = squares - true * true
        error, along = (errors - off * off).clamp_min(0), products - true * off
        learned = (variance + 2 * along + error).clamp_min(1e-300)
        return {
            self.title: error.sqrt(),
            "energy_slope": 1 + along / variance,
            "energy_r": (variance + along) / (variance * learned).sqrt(),
        }
