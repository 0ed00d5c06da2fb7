import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.metropolis import proposed


class RandomFlips(Dynamics):
    """Metropolis of one spin at a time, at a random site of each chain; any energy.

    A sweep is N proposals. `flip` makes one, for chains that are to be kept after every proposal.

    Args:
        energy: any.
        temperatures: as in Dynamics.
        shape: as in Dynamics.
    Source:
        Metropolis et al., J. Chem. Phys. 21 (1953); Sprague et al., arXiv 2003.02647, who keep
        lattices after every proposal.
    """

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics."""
        for _ in range(sweeps * s.shape[1]):
            self.flip(s, rng)

    def flip(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator) -> None:
        """Propose one spin's change in every chain."""
        r, n, c = s.shape
        site = torch.randint(n, (r, c), generator=rng, device=rng.device)
        old = s.gather(1, site[:, None])[:, 0]
        new = proposed(old, self.energy.colours, rng)
        drawn = torch.rand((r, c), generator=rng, device=rng.device, dtype=torch.float64)
        flat = s.movedim(1, 0).reshape(n, r * c)
        local = self.energy.local(flat, site.flatten(), self.lattice).view(r, c, -1)
        change = local.gather(2, torch.stack([old, new], 2).long()).diff(dim=2)[..., 0]
        taken = drawn < (-self.betas.to(s.device)[:, None] * change).exp()
        s.scatter_(1, site[:, None], torch.where(taken, new, old)[:, None])
