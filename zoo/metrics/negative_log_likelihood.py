from typing import Any, ClassVar

from torch import Tensor

from zoo.metrics.lattice_metric import LatticeMetric
from zoo.models.energy_model import EnergyModel
from zoo.models.sampler import Sampler


class NegativeLogLikelihood(LatticeMetric):
    """-⟨ln p(s)⟩ / N over lattices of the data's temperature.

    Units:
        nats per site; its least value is their entropy.
    """

    title = "nll"
    wanted: ClassVar[type[EnergyModel]] = Sampler

    def parts(self, model: Sampler, batch: dict[str, Any]) -> Tensor:
        """As in LatticeMetric."""
        return -model.log_prob(batch["s"]).double()[:, None] / batch["s"][0].numel()

    def figures(self, means: Tensor, count: float) -> dict[str, Tensor]:
        """As in LatticeMetric."""
        return {self.title: means[0]}
