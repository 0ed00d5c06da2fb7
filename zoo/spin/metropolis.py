from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.pairs import PairEnergy


class Metropolis(Dynamics):
    """Metropolis on sublattices: another colour, uniformly, accepted with min(1, exp(-β ΔE)).

    Any number of colours and neighbours, nothing but κ is tabulated.

    Args:
        energy: of finite range, any number of colours and neighbours.
        temperatures: as in Dynamics; infinity is refused for two colours.
        shape: as in Dynamics.

    Raises:
        ValueError: as in Dynamics, or two colours at an infinite temperature: every proposal is
            accepted there, so whole sublattices flip to and fro.
    Accuracy:
        probabilities to 2^-24.
    Source:
        Metropolis et al., J. Chem. Phys. 21 (1953).
    """

    def __init__(
        self, energy: PairEnergy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        super().__init__(energy, temperatures, shape)
        if energy.colours == 2 and not bool(self.betas.all()):
            raise ValueError(
                "temperature=inf: Metropolis accepts every flip of two colours there, so that "
                "the lattice alternates for ever; use HeatBath"
            )
        self.slots = energy.slots(self.lattice)
        self._sublattices = energy.sublattices(self.lattice)
        kernel, q = energy.kernel, energy.colours
        # by (old * Q + new) * Q + neighbour: what a proposal costs at one bond of coupling 1
        self._costs = (kernel[:, None, :] - kernel).float().reshape(q * q * q)
        self._levels = (energy.levels[:, None] - energy.levels).float().flatten()

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        device, chains = s.device, s.shape[2]
        places = []
        for sub in self._sublattices:
            whole = self.slots.couplings.expand(-1, self.lattice.sites)[:, sub]
            sites = self.slots.sites[:, sub].to(device)
            places.append((sub.to(device), sites, whole.float().to(device)[..., None]))
        for group in self.groups(len(places[0][0]) * chains):
            part, beta = s[group], self.betas[group].float().to(device)[:, None, None]
            for place in places * sweeps:
                self._update(part, beta, place, rng)

    def _update(
        self, s: Tensor, beta: Tensor, place: tuple[Tensor, Tensor, Tensor], rng: torch.Generator
    ) -> None:
        sublattice, around, couplings = place
        q, old = self.energy.colours, s.index_select(1, sublattice)
        new = proposed(old, q, rng)
        change = old.to(torch.int32).mul_(q).add_(new)
        cost = self._levels.to(s.device).index_select(0, change.flatten()).view(old.shape)
        change.mul_(q)
        table = self._costs.to(s.device)
        for sites, coupling in zip(around, couplings, strict=True):
            kind = change + s.index_select(1, sites)
            cost.addcmul_(table.index_select(0, kind.flatten()).view(old.shape), coupling)
        drawn = torch.rand(old.shape, generator=rng, device=rng.device)
        s.index_copy_(1, sublattice, torch.where(drawn < (-beta * cost).exp(), new, old))


def proposed(old: UInt8[Tensor, "*k"], colours: int, rng: torch.Generator) -> UInt8[Tensor, "*k"]:
    """Another colour for each spin, uniformly among those that it has not."""
    if colours == 2:
        return 1 - old
    step = torch.randint(1, colours, old.shape, generator=rng, device=rng.device)
    # in int64: two colours of 255 do not fit into a byte
    return step.add_(old).remainder_(colours).to(torch.uint8)
