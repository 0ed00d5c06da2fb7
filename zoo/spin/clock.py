import math

import torch

from zoo.spin.alike import Alike


class Clock(Alike):
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
        super().__init__(colours, coupling)
        angles = 2 * math.pi / colours * torch.arange(colours, dtype=torch.float64)
        self.kernel = (angles[:, None] - angles).cos()

    @classmethod
    def tiny(cls) -> tuple["Clock", tuple[int, ...]]:
        """As in Energy."""
        return cls(5, 1.2), (2, 3)
