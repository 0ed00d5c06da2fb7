import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.metropolis import proposed


class CalledMetropolis(Dynamics):
    """Metropolis where a proposal costs a call of the whole energy: one random spin a chain.

    A sweep of N spins is N calls on the lattices of all temperatures and chains together, so it
    pays to have many.

    Args:
        energy: any.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
    """

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        r, n, c = s.shape
        betas = self.betas.to(s.device)[:, None]
        energies = self.energy.chains(s, self.lattice)
        for _ in range(sweeps * n):
            site = torch.randint(n, (r, 1, c), generator=rng, device=rng.device)
            old = s.gather(1, site)
            s.scatter_(1, site, proposed(old, self.energy.colours, rng))
            found = self.energy.chains(s, self.lattice)
            drawn = torch.rand((r, c), generator=rng, device=rng.device, dtype=torch.float64)
            taken = drawn < (betas * (energies - found)).exp()
            energies = torch.where(taken, found, energies)
            s.scatter_(1, site, torch.where(taken[:, None], s.gather(1, site), old))
