from abc import abstractmethod
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64, Int64, Integer
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.lattice import Lattice, Offset


class Bond(NamedTuple):
    """All bonds from x to x + offset, with one coupling or one for each x, flat."""

    offset: Offset
    coupling: float | Tensor


class Slots(NamedTuple):
    """What a spin interacts with: the site in each slot, and its coupling there.

    Shapes:
        sites (z, n); couplings (z, n) float64, or (z, 1) where all sites have the same.
    """

    sites: Tensor
    couplings: Tensor


class PairEnergy(Energy):
    """E(s) = -Σ_d Σ_x J_d(x) κ(s_x, s_{x+d}) - Σ_x h(s_x), of finite range.

    On a side of 2 sites the neighbours to the left and right are one site with two bonds.
    """

    kernel: Float64[Tensor, "q q"]
    """κ, symmetric."""
    levels: Float64[Tensor, " q"]
    """h of each colour."""

    @abstractmethod
    def bonds(self, lattice: Lattice) -> list[Bond]:
        """Offsets, each pair of sites once, with their couplings."""

    def __call__(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in Energy."""
        lattice = self.on(tuple(s.shape[2:]))
        if s.shape[1] != self.colours:
            raise ValueError(
                f"{type(self).__name__} has {self.colours} colours, got one-hot colours with "
                f"{s.shape[1]} channels"
            )
        flat = s.flatten(2)
        weighed = torch.einsum("qp,bpn->bqn", self.kernel.to(s), flat)
        energy = -torch.einsum("q,bqn->b", self.levels.to(s), flat)
        for offset, coupling in self.bonds(lattice):
            other = flat.index_select(2, lattice.neighbours(offset).to(s.device))
            products = (weighed * other).sum(1)
            factor = coupling.to(s) if isinstance(coupling, Tensor) else coupling
            energy = energy - (factor * products).sum(1)
        return energy

    def chains(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Float64[Tensor, "r c"]:
        """As in Energy."""
        first = s.to(torch.int32)
        table = self.kernel.flatten().to(s.device)
        energy = -self.levels.to(s.device)[first.long()].sum(1) if self.levels.any() else 0.0
        for offset, coupling in self.bonds(lattice):
            pair = first.index_select(1, lattice.neighbours(offset).to(s.device))
            pair.add_(first, alpha=self.colours)
            products = table.index_select(0, pair.flatten()).view(pair.shape)
            if isinstance(coupling, Tensor):
                energy = energy - torch.einsum("n,rnc->rc", coupling.to(products), products)
            else:
                energy = energy - coupling * products.sum(1)
        return torch.as_tensor(energy)

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in Energy."""
        slots = self.slots(lattice)
        around = slots.sites.to(s.device)[:, site.long()]
        colour = s.long().gather(0, around)
        coupling = slots.couplings.expand(-1, lattice.sites).to(s.device)[:, site.long()]
        terms = coupling[..., None] * self.kernel.to(s.device)[colour]
        return -terms.sum(0) - self.levels.to(s.device)

    def slots(self, lattice: Lattice) -> Slots:
        """What each spin interacts with, in both directions of every bond."""
        return _slots(self, lattice)

    def sublattices(self, lattice: Lattice) -> list[Int64[Tensor, " m"]]:
        """Sites in groups without a bond inside."""
        return _grouped(lattice, tuple(bond.offset for bond in self.bonds(lattice)))


@lru_cache(maxsize=32)
def _slots(energy: PairEnergy, lattice: Lattice) -> Slots:
    sites, couplings = [], []
    for offset, coupling in energy.bonds(lattice):
        back = lattice.neighbours(tuple(-step for step in offset))
        sites += [lattice.neighbours(offset), back]
        if isinstance(coupling, Tensor):
            couplings += [coupling, coupling[back]]
        else:
            couplings += 2 * [torch.full((1,), coupling, dtype=torch.float64)]
    return Slots(torch.stack(sites), torch.stack(couplings))


@lru_cache(maxsize=32)
def _grouped(lattice: Lattice, offsets: tuple[Offset, ...]) -> list[Tensor]:
    return lattice.sublattices(offsets)


def nearest(lattice: Lattice) -> list[Offset]:
    """One step along each axis."""
    return [tuple(map(int, row)) for row in torch.eye(lattice.dimension).tolist()]


def second(lattice: Lattice) -> list[Offset]:
    """The second nearest sites: the diagonals of each plane; on a line, two steps."""
    if lattice.dimension == 1:
        return [(2,)]
    steps = nearest(lattice)
    found = []
    for i, first in enumerate(steps):
        for other in steps[i + 1 :]:
            found.append(tuple(a + b for a, b in zip(first, other, strict=True)))
            found.append(tuple(a - b for a, b in zip(first, other, strict=True)))
    return found
