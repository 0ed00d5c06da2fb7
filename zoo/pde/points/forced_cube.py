from abc import abstractmethod

from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.manufactured import Manufactured
from zoo.pde.points.numbered import numbered
from zoo.pde.points.ridges import Ridges


class ForcedCube(PointEquation):
    """Δu + n(u) = f on [-1, 1]^d, with the source f that belongs to a manufactured u.

    Values at the sides are those of u, which no smooth ansatz meets. In high dimension a point at a
    side is all but any point of the cube: side values alone tell nearly everything, and what is
    learned from the equation shows without them.

    Args:
        dimension: d.
        exact: u; `Ridges` if left out.
    """

    def __init__(self, dimension: int, exact: Manufactured | None) -> None:
        self.coordinates = numbered(dimension)
        self.units = dict.fromkeys(("u", *self.coordinates), "1")
        self.dimension = dimension
        self.exact = exact or Ridges()

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return dict.fromkeys(self.coordinates, (-1.0, 1.0))

    @abstractmethod
    def reaction(self, u: Tensor) -> Tensor:
        """The part n(u) that differentiates nothing, (b, 1)."""

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation."""
        return self.exact.jet(x)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation."""
        return self.jet(x).value

    def forcing(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return jet.laplacian(range(self.dimension)) + self.reaction(jet.value)

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        return self.forcing(x, jet) - self.forcing(x, self.jet(x))
