import math
from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Model
from zoo.models.energy_model import EnergyModel, spins
from zoo.models.rnn import RNN
from zoo.models.sampler import Sampler
from zoo.objectives.label_mixture import LabelMixture
from zoo.objectives.likelihood import require_temperature
from zoo.objectives.on_lattices import Augment, OnLattices


class JointConsistency(OnLattices):
    """-⟨ln p(s)⟩ / N over data and Var(T0 ln p(s) + E(s)) / N over a mixture, learned at once.

    The variance is zero where p = e^{-E/T0} / Z, whatever ln Z is: there are no labels, and the
    energy's constant stays as it is (`centre` sets it). It ties the energy to the sampler, and the
    sampler to what is extensive and local. The energy model is released; the sampler is the
    objective's and is thrown away.

    Shapes:
        as in OnLattices.

    Args:
        sampler: the lattice's p; its parameters are trained along.
        mixture: of lattices.
        weight: of the variance.
        warmup: steps over which the weight grows from zero, so that the energy does not hold the
            sampler back while both know nothing.
        augment: as in OnLattices, of the data.

    Raises:
        ValueError: a sampler of something else, or a weight that is not positive.
    Source:
        after Sprague et al., arXiv 2003.02647, who train the two in sequence.
    """

    steps: Tensor

    def __init__(
        self,
        sampler: Model,
        mixture: LabelMixture | None = None,
        *,
        weight: float = 0.1,
        warmup: int = 0,
        augment: Augment = "none",
    ) -> None:
        super().__init__(augment)
        if weight <= 0 or warmup < 0:
            raise ValueError(f"weight={weight}, warmup={warmup}: positive, and not negative")
        self.sampler, self.weight, self.warmup = sampler.requires_grad_().train(), weight, warmup
        self.mixture = LabelMixture() if mixture is None else mixture
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    @classmethod
    def tiny(cls) -> "JointConsistency":
        """As in Objective."""
        return cls(RNN(spins((4, 4), 2, 4.0), hidden=8), weight=1.0)

    def _models(self, model: Model) -> list[tuple[str, Model, type[EnergyModel]]]:
        """As in OnLattices."""
        return [("model", model, self.trains), ("sampler", self.sampler, Sampler)]

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `nll` in nats per site, `rmse` of the energy of the whole lattice."""
        sampler = self.sampler
        assert isinstance(model, EnergyModel) and isinstance(sampler, Sampler)
        require_temperature(sampler, batch)
        sites = math.prod(sampler.shape)
        nll = -sampler.log_prob(self.seen(batch["s"])).mean() / sites
        s = self.mixture.draw(sampler, batch["s"]) if self.training else batch["s"]
        variance = (model.energy(s) - sampler.energy(s)).var(unbiased=False)
        weight = self.weight * self._share()
        return {
            "loss": nll + weight * variance / sites,
            "nll": nll.detach(),
            "rmse": variance.detach().sqrt(),
        }

    def _share(self) -> Tensor | float:
        """How much of the weight counts at this step."""
        if not self.warmup:
            return 1.0
        if self.training:
            self.steps += 1
        return (self.steps / self.warmup).clamp(max=1.0)
