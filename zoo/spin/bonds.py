from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bonds:
    """Active bonds of packed lattices, and what can be reached along them.

    Shapes:
        words (n, v), a bit for each chain.

    Args:
        active: for each offset, whether the bond from a site ahead is active.
        ahead: for each offset, the number of the site ahead of each, (n,).
        behind: the number of the site behind.
    """

    active: list[Tensor]
    ahead: list[Tensor]
    behind: list[Tensor]

    def flood(self, seeds: Tensor) -> Tensor:
        """Every site that shares a cluster with a seed."""
        reached = seeds
        while True:
            before = reached
            for active, ahead, behind in zip(self.active, self.ahead, self.behind, strict=True):
                forth = reached.index_select(0, ahead).bitwise_and_(active)
                back = (active & reached).index_select(0, behind)
                reached = forth.bitwise_or_(back).bitwise_or_(reached)
            if torch.equal(reached, before):
                return reached

    def roots(self) -> Tensor:
        """One site of each cluster.

        For each binary digit of the sites' numbers, a cluster that has a site with the digit set
        drops the sites without it. The lowest comes first: sites that have it lie everywhere, so
        that floods are short until few sites are left.
        """
        like = self.active[0]
        numbers = torch.arange(len(like), device=like.device)
        left = torch.full_like(like, -1)
        for digit in range((len(like) - 1).bit_length()):
            set_ = -(numbers >> digit & 1)[:, None]
            left &= set_ | ~self.flood(left & set_)
        return left
