from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.models.ednn import EDNN
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.parts.windows import windows
from zoo.spin.dynamics import Dynamics
from zoo.spin.metropolis import proposed
from zoo.spin.tile_metropolis import apart


class NetMetropolis(Dynamics):
    """Metropolis with an extensive net that is not tabulated: touched tiles alone are evaluated.

    Sites without a tile in common are updated together, and the energies of all tiles are kept.

    Args:
        model: whose energy.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
    Accuracy:
        energies in the model's precision.
    """

    block = 2**13

    def __init__(
        self, model: EDNN, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        super().__init__(LearnedEnergy(model), temperatures, shape)
        self.model = model
        self._windows = windows(self.lattice, model.focus, model.context)
        self._parts = apart(self._windows.tiles)

    @torch.no_grad()
    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        sites = self._windows.sites.to(s.device)
        parts = [
            tuple(part.to(s.device) for part in (group, *self._around(group)))
            for group in self._parts
        ]
        largest = max(len(part[0]) for part in parts)
        for group in self.groups(largest * s.shape[2]):
            some, beta = s[group], self.betas[group].float().to(s.device)[:, None, None]
            energies = self._energies(some, sites)
            for part in parts * sweeps:
                self._update(some, energies, sites, part, beta, rng)

    def _around(self, group: Tensor) -> tuple[Tensor, Tensor]:
        """The tiles of sites (t, p), and 1 where they count."""
        return self._windows.tiles[:, group], self._windows.inside[:, group].float()

    def _energies(self, s: Tensor, sites: Tensor) -> Tensor:
        """ε of these tiles (r, m, c)."""
        colours = s.index_select(1, sites.flatten()).unflatten(1, sites.shape)
        return self.model.tile_energies(colours.mT)

    def _update(
        self,
        s: Tensor,
        energies: Tensor,
        sites: Tensor,
        part: tuple[Tensor, ...],
        beta: Tensor,
        rng: torch.Generator,
    ) -> None:
        group, tiles, counts = part
        old = s.index_select(1, group)
        new = proposed(old, self.energy.colours, rng)
        flat = tiles.flatten()
        before = energies.index_select(1, flat).unflatten(1, tiles.shape)
        s.index_copy_(1, group, new)
        after = self._energies(s, sites[flat]).unflatten(1, tiles.shape)
        cost = ((after - before) * counts[..., None]).sum(1)
        drawn = torch.rand(old.shape, generator=rng, device=rng.device)
        taken = drawn < (-beta * cost).exp()
        s.index_copy_(1, group, torch.where(taken, new, old))
        kept = torch.where(taken[:, None], after, before).flatten(1, 2)
        energies.index_copy_(1, flat, kept)
