import torch
from torch import Tensor

from zoo.spin.bonds import Bonds
from zoo.spin.clusters import Clusters
from zoo.spin.words import random_words


class SwendsenWang(Clusters):
    """Every cluster of the lattice is reflected or not, by a fair coin of its own.

    Args:
        energy: as in Clusters.
        temperatures: as in Clusters.
        shape: as in Clusters.
    Source:
        Swendsen and Wang, Phys. Rev. Lett. 58 (1987).
    """

    def marked(self, bonds: Bonds, rng: torch.Generator) -> Tensor:
        """As in Clusters."""
        roots = bonds.roots()
        return bonds.flood(roots & random_words(tuple(roots.shape), rng))
