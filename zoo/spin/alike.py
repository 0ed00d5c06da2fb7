import torch

from zoo.spin.lattice import Lattice
from zoo.spin.pairs import Bond, PairEnergy, nearest


class Alike(PairEnergy):
    """E = -J Σ_<xy> κ(s_x, s_y): colours alike, one coupling to all nearest neighbours, no field.

    Args:
        colours: Q, 2 to 255.
        coupling: J; positive is a ferromagnet.

    Raises:
        ValueError: Q is outside: a spin is stored in one byte.
    """

    def __init__(self, colours: int, coupling: float) -> None:
        if not 2 <= colours <= 255:
            raise ValueError(f"colours={colours} must be 2 to 255: a spin is stored in one byte")
        self.colours, self.coupling = colours, coupling
        self.levels = torch.zeros(colours, dtype=torch.float64)

    def bonds(self, lattice: Lattice) -> list[Bond]:
        """As in PairEnergy."""
        return [Bond(offset, self.coupling) for offset in nearest(lattice)]
