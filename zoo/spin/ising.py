import torch

from zoo.spin.lattice import Lattice
from zoo.spin.pairs import Bond, PairEnergy, nearest, second


class Ising(PairEnergy):
    """E = -J Σ_<xy> σ_x σ_y - J₂ Σ_<<xy>> σ_x σ_y - h Σ_x σ_x, on any periodic box.

    Colour 0 is σ = -1, colour 1 is σ = +1. <<xy>> are the diagonals of each plane; on a line,
    the sites two steps apart.

    Units:
        J, J₂, h in the unit of energy.

    Args:
        coupling: J; positive is a ferromagnet.
        field: h.
        second: J₂ of second neighbours; 0.5 is the case of diagonals at a half.
    Source:
        Ising, Z. Phys. 31 (1925).
    """

    colours = 2

    def __init__(self, coupling: float = 1.0, field: float = 0.0, *, second: float = 0.0) -> None:
        self.coupling = coupling
        self.field = field
        self.second = second
        spins = torch.tensor([-1.0, 1.0], dtype=torch.float64)
        self.kernel = torch.outer(spins, spins)
        self.levels = field * spins

    @classmethod
    def tiny(cls) -> tuple["Ising", tuple[int, ...]]:
        """As in Energy."""
        return cls(0.7, 0.2, second=-0.3), (3, 4)

    def bonds(self, lattice: Lattice) -> list[Bond]:
        """As in PairEnergy."""
        bonds = [Bond(offset, self.coupling) for offset in nearest(lattice)]
        if not self.second:
            return bonds
        if lattice.dimension == 1 and lattice.sites == 2:
            raise ValueError(
                f"second={self.second} needs a line of at least 3 sites, got 2: two steps along "
                "it lead back; lengthen it or set second=0"
            )
        return bonds + [Bond(offset, self.second) for offset in second(lattice)]
