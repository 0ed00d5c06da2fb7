from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.metrics.kullback_leibler import with_error
from zoo.metrics.lattice_metric import LatticeMetric, log_z
from zoo.models.energy_model import EnergyModel
from zoo.models.sampler import Sampler
from zoo.spin.energy import Energy


class FreeEnergyGap(LatticeMetric):
    """⟨E(s) + T ln q(s)⟩ / N over the model's own lattices, less the exact -T ln Z / N.

    It is T/N times the Kullback-Leibler divergence of p from q, so never below zero but for noise:
    the variational bound. `free_energy_gap_error` is its standard error.

    Units:
        of energy, per site.

    Source:
        Sprague et al., arXiv 2003.02647, compare F itself.
    """

    title = "free_energy_gap"
    terms: ClassVar[int] = 2
    wanted: ClassVar[type[EnergyModel]] = Sampler

    def parts(self, model: Sampler, batch: dict[str, Any]) -> Tensor:
        """As in LatticeMetric: as many lattices as the batch has."""
        energy: Energy = batch["energy"]
        device, t = batch["s"].device, 1 / float(batch["beta"][0])
        rng = torch.Generator(device).manual_seed(int(batch["seed"]))
        s = model.sample(len(batch["s"]), rng)
        own = energy.of(s.cpu()).to(device) + t * (model.log_prob(s).double() + log_z(batch))
        gap = own / s[0].numel()
        return torch.stack([gap, gap.square()], 1)

    def figures(self, means: Tensor, count: float) -> dict[str, Tensor]:
        """As in LatticeMetric."""
        return with_error(self.title, means, count)
