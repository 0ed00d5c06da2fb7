import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.metropolis import proposed
from zoo.spin.tiles import TileEnergy


class Part(NamedTuple):
    """A sublattice whose sites share no tile: sites (m,), their tiles and powers (t, m)."""

    sites: Tensor
    tiles: Tensor
    powers: Tensor


class TileMetropolis(Dynamics):
    """Metropolis with an energy of tabulated tiles: a proposal costs two look-ups for each tile.

    Sites without a tile in common are updated together. The numbers of all tiles are kept up to
    date instead of being read from the spins.

    Args:
        energy: of tiles.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
    Accuracy:
        energies in float32.
    """

    def __init__(
        self, energy: TileEnergy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        super().__init__(energy, temperatures, shape)
        self.tiles = energy
        cover = energy.cover(self.lattice)
        groups = apart(cover.tiles)
        self._parts = [Part(g, cover.tiles[:, g], cover.powers[:, g]) for g in groups]

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        device = s.device
        table = self.tiles.table.to(device)
        parts = [Part(*(field.to(device) for field in part)) for part in self._parts]
        largest = max(len(part.sites) for part in parts)
        for group in self.groups(largest * s.shape[2]):
            some, beta = s[group], self.betas[group].float().to(device)[:, None, None]
            numbers = self.tiles.numbers(some, self.lattice)
            lazy = self._lazy(group)
            for part in parts * sweeps:
                self._update(some, numbers, part, beta, lazy, table, rng)

    def _lazy(self, group: slice) -> Tensor | None:
        """Logarithms of the share of flips that are tried, (r, 1, 1); None if that is all.

        At an infinite temperature every flip of two colours would be accepted: all spins would turn
        in step, and none forget the others. Half are tried there.
        """
        free = self.betas[group] == 0
        if self.energy.colours > 2 or not bool(free.any()):
            return None
        return torch.where(free, -math.log(2), 0.0).float()[:, None, None]

    def _update(
        self,
        s: Tensor,
        numbers: Tensor,
        part: Part,
        beta: Tensor,
        lazy: Tensor | None,
        table: Tensor,
        rng: torch.Generator,
    ) -> None:
        old = s.index_select(1, part.sites)
        new = proposed(old, self.energy.colours, rng)
        step = new.to(torch.int32) - old
        cost = torch.zeros(old.shape, dtype=torch.float32, device=s.device)
        before = [numbers.index_select(1, tiles) for tiles in part.tiles]
        for number, power in zip(before, part.powers, strict=True):
            after = torch.addcmul(number, step, power[:, None])
            cost += table.index_select(0, after.flatten()).view(old.shape)
            cost -= table.index_select(0, number.flatten()).view(old.shape)
        drawn = torch.rand(old.shape, generator=rng, device=rng.device)
        cost.mul_(-beta)
        if lazy is not None:
            cost += lazy.to(cost.device)
        step *= drawn < cost.exp_()
        s.index_add_(1, part.sites, step.to(torch.uint8))  # a byte wraps, so -1 is 255
        for tiles, power in zip(part.tiles, part.powers, strict=True):
            numbers.index_add_(1, tiles, step * power[:, None])


def apart(tiles: Tensor) -> list[Tensor]:
    """Sites in groups that share no tile, each in the first group that has room.

    Args:
        tiles: of each site, (t, n).
    """
    held: list[set[int]] = []
    groups: list[list[int]] = []
    for site, own in enumerate(tiles.T.tolist()):
        place = next((i for i, taken in enumerate(held) if not taken & set(own)), len(held))
        if place == len(held):
            held.append(set())
            groups.append([])
        held[place] |= set(own)
        groups[place].append(site)
    return [torch.tensor(group) for group in groups]
