import math

import torch

from zoo.spin.alike import Alike


class Potts(Alike):
    """E = -J Σ_<xy> δ(s_x, s_y), s in 0 ... Q - 1, on any periodic box.

    Units:
        J in the unit of energy.

    Args:
        colours: Q, 2 to 255.
        coupling: J; positive is a ferromagnet.

    Raises:
        ValueError: Q is outside.
    Source:
        Potts, Proc. Camb. Phil. Soc. 48 (1952); Wu, Rev. Mod. Phys. 54 (1982).
    """

    def __init__(self, colours: int = 3, coupling: float = 1.0) -> None:
        super().__init__(colours, coupling)
        self.kernel = torch.eye(colours, dtype=torch.float64)

    @classmethod
    def tiny(cls) -> tuple["Potts", tuple[int, ...]]:
        """As in Energy."""
        return cls(4, 0.8), (2, 3)

    @property
    def critical_temperature(self) -> float:
        """J / ln(1 + √Q), of the infinite square lattice (Wu, equation 1.7)."""
        return self.coupling / math.log1p(math.sqrt(self.colours))
