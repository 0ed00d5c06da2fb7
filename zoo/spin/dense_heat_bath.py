from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.all_to_all import AllToAll
from zoo.spin.dynamics import Dynamics


class DenseHeatBath(Dynamics):
    """Heat bath where every spin acts on every other: one spin after the other, in all chains.

    A sweep of N spins costs N² products for each chain.

    Args:
        energy: with a coupling for every pair.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
    Accuracy:
        fields in float32.
    """

    def __init__(
        self, energy: AllToAll, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        super().__init__(energy, temperatures, shape)
        self._couplings = energy.couplings.float()

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        couplings = self._couplings.to(s.device)
        for group in self.groups(s.shape[2]):
            spins = (2.0 * s[group] - 1.0).movedim(1, 0).flatten(1)
            twice = 2 * self.betas[group].float().to(s.device)[:, None].expand(-1, s.shape[2])
            for _ in range(sweeps):
                self._pass(spins, couplings, twice.flatten(), rng)
            s[group] = (spins > 0).to(torch.uint8).view(len(spins), -1, s.shape[2]).movedim(0, 1)

    def _pass(self, spins: Tensor, couplings: Tensor, twice: Tensor, rng: torch.Generator) -> None:
        drawn = torch.rand(spins.shape, generator=rng, device=rng.device)
        for row, spin, chosen in zip(couplings, spins, drawn, strict=True):
            up = chosen < torch.sigmoid(twice * (row @ spins))
            spin.copy_(up).mul_(2).sub_(1)
