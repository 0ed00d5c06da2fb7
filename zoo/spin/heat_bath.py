from collections.abc import Sequence

import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.lattice import Lattice
from zoo.spin.pairs import PairEnergy
from zoo.spin.words import random_words

LIMIT = 2**24


class HeatBath(Dynamics):
    """Heat bath of any energy of pairs, on sublattices: p(s_x | neighbours) ∝ exp(-β E(s_x)).

    The neighbours' colours are the digits of a number, by which the cumulative probabilities of
    the spin's colours are looked up; a glass has its own numbers at each site.

    Args:
        energy: of finite range.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
        limit: how many entries the table may have; four bytes each.

    Raises:
        ValueError: as in Dynamics, or the table is larger.
    Accuracy:
        probabilities to 2^-32.
    """

    def __init__(
        self,
        energy: PairEnergy,
        temperatures: Sequence[float] | Tensor,
        shape: tuple[int, ...],
        *,
        limit: int = LIMIT,
    ) -> None:
        super().__init__(energy, temperatures, shape)
        self.slots = energy.slots(self.lattice)
        count = entries(energy, len(self.betas), self.lattice)
        if count > limit:
            raise ValueError(
                f"{energy.colours} colours with {len(self.slots.sites)} neighbours need a table "
                f"of {count} numbers, above limit={limit}; use Metropolis, or fewer temperatures"
            )
        self._classes = self.slots.couplings.shape[1]
        self._codes = energy.colours ** len(self.slots.sites)
        self._sublattices = energy.sublattices(self.lattice)
        self._table = self._tabulated(energy)

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        device, chains = s.device, s.shape[2]
        places = [
            (sub.to(device), self.slots.sites[:, sub].to(device)) for sub in self._sublattices
        ]
        table = self._table.to(device)
        for group in self.groups(len(places[0][0]) * chains):
            start = self._starts(group).to(device)
            part = s[group]
            for sublattice, around in places * sweeps:
                first = start[:, sublattice] if self._classes > 1 else start
                part.index_copy_(1, sublattice, self._drawn(part, around, first, table, rng))

    def _drawn(
        self, s: Tensor, around: Tensor, start: Tensor, table: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Colours drawn for a sublattice, (r, m, c)."""
        code = s.index_select(1, around[0])
        code = code if self._codes <= 256 else code.to(torch.int32)
        for sites in around[1:]:
            code = code.mul_(self.energy.colours).add_(s.index_select(1, sites))
        place = (code + start).flatten()
        drawn = random_words((-(-place.numel() // 2),), rng).view(torch.int32)[: place.numel()]
        found = drawn >= table[0].index_select(0, place)
        colour = found.to(torch.uint8)
        for row in table[1:]:
            colour += drawn >= row.index_select(0, place)
        return colour.view(code.shape)

    def _starts(self, group: slice) -> Tensor:
        """Where the numbers of a temperature and a site begin, (r, n or 1, 1), int32."""
        count = len(self.betas[group])
        rows = torch.arange(group.start, group.start + count)[:, None] * self._classes
        return ((rows + torch.arange(self._classes)) * self._codes).to(torch.int32)[..., None]

    def _tabulated(self, energy: PairEnergy) -> Tensor:
        """P(colour <= q) for q = 0 ... Q - 2 by temperature, site and neighbours, as int32."""
        weights = -self.betas[:, None, None, None] * tabulated(energy, self.slots.couplings)
        cumulative = weights.softmax(-1).cumsum(-1)[..., :-1]
        scaled = (cumulative * 2.0**32).round() - 2.0**31
        return scaled.clamp(max=2**31 - 1).to(torch.int32).flatten(0, -2).T.contiguous()


def entries(energy: PairEnergy, temperatures: int, lattice: Lattice) -> int:
    """How many numbers the table of so many temperatures has."""
    neighbours, classes = energy.slots(lattice).couplings.shape
    return temperatures * classes * energy.colours**neighbours * (energy.colours - 1)


def tabulated(
    energy: PairEnergy, couplings: Float64[Tensor, "z k"]
) -> Float64[Tensor, "k codes q"]:
    """The energy of each colour of a spin among neighbours of each colour.

    Args:
        energy: of which the kernel and the levels are taken.
        couplings: to each of z neighbours, for k kinds of sites.
    """
    slots, colours = len(couplings), energy.colours
    powers = colours ** torch.arange(slots - 1, -1, -1)
    digits = torch.arange(colours**slots)[:, None] // powers % colours
    return -torch.einsum("zk,czq->kcq", couplings, energy.kernel[digits]) - energy.levels
