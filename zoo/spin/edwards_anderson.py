import numpy as np
import torch
from torch import Tensor

from zoo.spin.lattice import Lattice
from zoo.spin.pairs import Bond, PairEnergy, nearest


class EdwardsAnderson(PairEnergy):
    """E = -Σ_<xy> J_xy σ_x σ_y with J_xy ~ N(0, 1), fixed by a seed: a spin glass.

    The disorder is a function of its law, the seed and the shape alone, the same on every machine
    and under every version of numpy (its frozen generator is used). It is laid out as by Sprague
    et al.: axes from last to first, each number on the bond from its site to the one before; so
    seeds 420 and 69 on 8 by 8 are their two glasses.

    Units:
        J, the couplings' standard deviation, is 1.

    Args:
        shape: of the lattice; the disorder belongs to it.
        seed: of the couplings.
    Source:
        Edwards and Anderson, J. Phys. F 5 (1975); Sprague et al., arXiv 2003.02647.
    """

    colours = 2

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.shape = Lattice(shape).shape
        self.seed = seed
        spins = torch.tensor([-1.0, 1.0], dtype=torch.float64)
        self.kernel = torch.outer(spins, spins)
        self.levels = torch.zeros(2, dtype=torch.float64)
        drawn = normal(seed, (len(self.shape), *self.shape)).flip(0)
        # from the bond's end, where it was drawn, to the site where it starts
        ends = [row.roll(-1, axis) for axis, row in enumerate(drawn)]
        self.couplings = torch.stack(ends)

    @classmethod
    def tiny(cls) -> tuple["EdwardsAnderson", tuple[int, ...]]:
        """As in Energy."""
        return cls((2, 3, 2), 5), (2, 3, 2)

    def bonds(self, lattice: Lattice) -> list[Bond]:
        """As in PairEnergy."""
        rows = self.couplings.flatten(1)
        return [Bond(offset, row) for offset, row in zip(nearest(lattice), rows, strict=True)]


def normal(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Numbers of N(0, 1), float64, from a generator whose stream numpy has frozen (NEP 19)."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))
