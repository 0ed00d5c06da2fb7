import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from zoo.models.base import Model
from zoo.models.ednn import EDNN
from zoo.models.energy_model import EnergyModel, spins
from zoo.models.sampler import Sampler
from zoo.objectives.on_lattices import OnLattices


class Refinement(OnLattices):
    """F = ⟨E(s) + T ln p(s)⟩ / N over a sampler's own lattices, an upper bound of the free energy.

    The least value is -T ln Z / N, where p is Boltzmann's at the sampler's temperature T: a sampler
    is carried to a new temperature against a learned energy, without data. The gradient is the
    score function's, ⟨(f - ⟨f⟩) ∇ ln p⟩ with f = E + T ln p, unbiased; it vanishes sample by sample
    where p is Boltzmann's. What the batch holds is not looked at.

    Args:
        teacher: the energy, a frozen model on the sampler's lattice.
        count: lattices drawn in a step.

    Raises:
        ValueError: fewer than two lattices a step.

    Source:
        Wu, Wang, Zhang, Phys. Rev. Lett. 122 (2019), arXiv 1809.10606.
    """

    trains: ClassVar[type[EnergyModel]] = Sampler

    def __init__(self, teacher: Model, *, count: int = 500) -> None:
        super().__init__(teacher=teacher)
        if count < 2:
            raise ValueError(f"count={count}: at least 2 lattices, to take their mean off")
        self.count = count

    @classmethod
    def tiny(cls) -> "Refinement":
        """As in Objective."""
        return cls(EDNN(spins((4, 4), 2), hidden=(8,)), count=64)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `loss` is F, `spread` the deviation of f per √N, zero at the least F."""
        assert isinstance(model, Sampler) and isinstance(self.teacher, EnergyModel)
        assert model.temperature is not None
        s = model.sample(self.count, torch.default_generator)
        log_p, sites = model.log_prob(s), math.prod(model.shape)
        with torch.no_grad():
            f = self.teacher.energy(s) + model.temperature * log_p
            # each one's own part of the mean is taken off too
            score = (f - f.mean()) * len(f) / (len(f) - 1)
        slope = (score * log_p).mean() / sites
        value = f.mean() / sites
        return {
            "loss": value + slope - slope.detach(),
            "spread": f.std() / math.sqrt(sites),
        }
