from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.models.sampler import Sampler


@dataclass(frozen=True)
class LabelMixture:
    """Shares of the lattices on which two energies are compared.

    Args:
        data: of the batch, taken as they come.
        samples: drawn from the sampler.
        uniform: of independent spins.
        tempered: drawn from the sampler with its conditional probabilities raised to powers between
            0 and `coldest`, so that all energies are seen from disorder to order.
        coldest: the largest of these powers.

    Raises:
        ValueError: a share is negative, or all are zero.
    """

    data: float = 0.0
    samples: float = 0.4
    uniform: float = 0.2
    tempered: float = 0.4
    coldest: float = 4.0

    def __post_init__(self) -> None:
        """Refuse shares that make no mixture."""
        shares = (self.data, self.samples, self.uniform, self.tempered)
        if min(shares) < 0 or not sum(shares) or self.coldest <= 0:
            raise ValueError(
                f"{self}: shares must be 0 or more, one of them positive, and coldest positive"
            )

    def draw(self, sampler: Sampler, s: Tensor) -> Tensor:
        """As many lattices as in a batch `s` of colours, by torch's global generator."""
        rng, count = torch.default_generator, len(s)
        shares = torch.tensor([self.data, self.samples, self.uniform, self.tempered]).double()
        ends = [round(end * count) for end in (shares.cumsum(0) / shares.sum()).tolist()]
        data, samples, uniform, tempered = (b - a for a, b in zip([0, *ends], ends, strict=False))
        powers = torch.cat(
            [torch.ones(samples), torch.zeros(uniform), self.coldest * torch.rand(tempered)]
        )
        drawn = sampler.sample(len(powers), rng, sharpness=powers).to(s.device)
        return torch.cat([s[:data].to(drawn.dtype), drawn])
