import torch
from torch import Tensor

from zoo.spin.bonds import Bonds
from zoo.spin.clusters import Clusters


class Wolff(Clusters):
    """The cluster of one random spin is reflected, in each chain.

    Args:
        energy: as in Clusters.
        temperatures: as in Clusters.
        shape: as in Clusters.
    Source:
        Wolff, Phys. Rev. Lett. 62 (1989).
    """

    def marked(self, bonds: Bonds, rng: torch.Generator) -> Tensor:
        """As in Clusters."""
        like = bonds.active[0]
        n, v = like.shape
        site = torch.randint(n, (64, v), generator=rng, device=rng.device)
        # each chain has one seed, so adding its bit is setting it; bit 63 is the sign
        bits = torch.ones_like(site[:, 0]) << torch.arange(64, device=rng.device)
        seeds = torch.zeros_like(like).scatter_add_(0, site, bits[:, None].expand(64, v))
        return bonds.flood(seeds)
