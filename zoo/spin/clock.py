import math

import torch

from zoo.spin.lattice import Lattice
from zoo.spin.pairs import Bond, PairEnergy, nearest
from zoo.spin.potts import at_least_two


class Clock(PairEnergy):
    """E = -J Σ_<xy> cos(2π (s_x - s_y) / Q), the planar Potts model, on any periodic box.

    With Q = 2 it is Ising; with Q = 3 it is Potts of 3J/2 less J/2 a bond.

    Units:
        J in the unit of energy.

    Args:
        colours: Q, 2 to 255.
        coupling: J; positive is a ferromagnet.

    Raises:
        ValueError: Q is outside.
    Source:
        Potts, Proc. Camb. Phil. Soc. 48 (1952); Sprague et al., arXiv 2003.02647 with Q = 3.
    """

    def __init__(self, colours: int = 3, coupling: float = 1.0) -> None:
        self.colours = at_least_two(colours)
        self.coupling = coupling
        angles = 2 * math.pi / colours * torch.arange(colours, dtype=torch.float64)
        self.kernel = (angles[:, None] - angles).cos()
        self.levels = torch.zeros(colours, dtype=torch.float64)

    @classmethod
    def tiny(cls) -> tuple["Clock", tuple[int, ...]]:
        """As in Energy."""
        return cls(5, 1.2), (2, 3)

    def bonds(self, lattice: Lattice) -> list[Bond]:
        """As in PairEnergy."""
        return [Bond(offset, self.coupling) for offset in nearest(lattice)]
