from typing import ClassVar

from torch import Tensor

from zoo.pde.points.forced_cube import ForcedCube
from zoo.pde.points.manufactured import Manufactured


class SineGordonCube(ForcedCube):
    """Δu + sin u = f on [-1, 1]^d with a manufactured u, which is the only solution.

    Units:
        dimensionless.

    Args:
        dimension: d.
        exact: u; `Ridges` if left out.
    Source:
        The operator as in Hu, Shukla, Karniadakis & Kawaguchi, arXiv 2307.12306, whose domain is
        the unit ball.
    """

    name: ClassVar[str] = "sine_gordon_cube"

    def __init__(self, dimension: int = 4, *, exact: Manufactured | None = None) -> None:
        super().__init__(dimension, exact)

    def reaction(self, u: Tensor) -> Tensor:
        """As in ForcedCube: sin u."""
        return u.sin()
