import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics


class Tempering(Dynamics):
    """Parallel tempering: chains at neighbouring temperatures exchange their lattices.

    After each sweep of the dynamics inside, lattices at temperatures i and i + 1 are exchanged
    with probability min(1, exp((β_i - β_{i+1}) (E_i - E_{i+1}))), i even and odd in turn; chain
    c of one temperature with chain c of the next, so that chains stay independent.

    Args:
        inside: what moves the lattices at one temperature; its temperatures are in order, and
            close enough for their energies to overlap.

    Raises:
        ValueError: there is one temperature, or they are not in order.
    Source:
        Hukushima and Nemoto, J. Phys. Soc. Jpn. 65 (1996).
    """

    def __init__(self, inside: Dynamics) -> None:
        super().__init__(inside.energy, inside.temperatures, inside.lattice.shape)
        steps = self.betas.diff()
        if not len(steps) or not (bool((steps > 0).all()) or bool((steps < 0).all())):
            raise ValueError(
                f"temperatures={self.temperatures.tolist()} must be at least two, in order: "
                "neighbours exchange lattices"
            )
        self.inside = inside
        self.tried = torch.zeros(len(steps))
        self.accepted = torch.zeros(len(steps))
        self._odd = 0

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        for _ in range(sweeps):
            self.inside.sweep(s, rng)
            self.exchange(s, rng)

    def exchange(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator) -> None:
        """Let every second pair of temperatures exchange lattices."""
        first = slice(self._odd, len(self.betas) - 1, 2)
        second = slice(self._odd + 1, None, 2)
        self._odd = 1 - self._odd
        energies = self.energy.chains(s, self.lattice)
        betas = self.betas.to(s.device)
        gain = (betas[first] - betas[second])[:, None] * (energies[first] - energies[second])
        drawn = torch.rand(gain.shape, generator=rng, device=rng.device, dtype=torch.float64)
        taken = drawn < gain.exp()
        self.tried[first] += taken.shape[1]
        self.accepted[first] += taken.sum(1).cpu()
        below, above = s[first], s[second]
        other = torch.where(taken[:, None], above, below)
        above.copy_(torch.where(taken[:, None], below, above))
        below.copy_(other)

    @property
    def acceptance(self) -> Tensor:
        """The share of exchanges that happened between each temperature and the next."""
        return self.accepted / self.tried
