from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.metrics.lattice_metric import LatticeMetric, label, log_z
from zoo.models.energy_model import EnergyModel
from zoo.models.sampler import Sampler


class KullbackLeibler(LatticeMetric):
    """⟨ln p(s) - ln q(s)⟩ over lattices of p = e^{-βE} / Z; q is the model's. `kl_error` beside it.

    ln p is exact lattice by lattice, so the spread of -ln p cancels: the error is far below that of
    -⟨ln q⟩ less the entropy, the same number.

    Units:
        nats, of the whole lattice.
    """

    title = "kl"
    terms: ClassVar[int] = 2
    wanted: ClassVar[type[EnergyModel]] = Sampler

    def parts(self, model: Sampler, batch: dict[str, Any]) -> Tensor:
        """As in LatticeMetric."""
        own = -batch["beta"].double() * label(batch) - log_z(batch)
        difference = own - model.log_prob(batch["s"]).double()
        return torch.stack([difference, difference.square()], 1)

    def figures(self, means: Tensor, count: float) -> dict[str, Tensor]:
        """As in LatticeMetric."""
        return with_error(self.title, means, count)


def with_error(title: str, means: Tensor, count: float) -> dict[str, Tensor]:
    """A mean and its standard error from the first two moments of independent numbers."""
    variance = (means[1] - means[0].square()).clamp_min(0)
    return {title: means[0], f"{title}_error": (variance / max(1.0, count - 1)).sqrt()}
