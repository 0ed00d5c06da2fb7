import math
from typing import ClassVar

from torch import Tensor

from zoo.pde.points.forced_cube import ForcedCube
from zoo.pde.points.manufactured import Manufactured


class HelmholtzCube(ForcedCube):
    """Δu + k² u = f on [-1, 1]^d with a manufactured u.

    Units:
        dimensionless.

    Args:
        dimension: d.
        exact: u; `Ridges` if left out.
        wave_number: k; below the first resonance of the cube, π√d/2, where u is the only solution.

    Raises:
        ValueError: a wave number at or above the first resonance.
    """

    name: ClassVar[str] = "helmholtz_cube"

    def __init__(
        self,
        dimension: int = 4,
        *,
        exact: Manufactured | None = None,
        wave_number: float = 1.0,
    ) -> None:
        super().__init__(dimension, exact)
        first = math.pi * math.sqrt(dimension) / 2
        if not 0 <= wave_number < first:
            raise ValueError(
                f"wave_number={wave_number} must lie below the first resonance of the cube, "
                f"{first:.4g} for dimension={dimension}; above it u may not be the only solution"
            )
        self.wave_number = wave_number

    def reaction(self, u: Tensor) -> Tensor:
        """As in ForcedCube: k² u."""
        return self.wave_number**2 * u
