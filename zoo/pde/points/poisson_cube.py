from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.points.forced_cube import ForcedCube
from zoo.pde.points.manufactured import Manufactured


class PoissonCube(ForcedCube):
    """Δu = f on [-1, 1]^d with a manufactured u.

    Units:
        dimensionless.

    Args:
        dimension: d.
        exact: u; `Ridges` if left out.
    """

    name: ClassVar[str] = "poisson_cube"

    def __init__(self, dimension: int = 4, *, exact: Manufactured | None = None) -> None:
        super().__init__(dimension, exact)

    def reaction(self, u: Tensor) -> Tensor:
        """As in ForcedCube: none."""
        return torch.zeros_like(u)
