from typing import TYPE_CHECKING, Any

from torch import Tensor

from zoo.models.parts.normaliser import Normaliser

if TYPE_CHECKING:
    from zoo.models.base import Interface


class Unscaled(Normaliser):
    """Leaves everything as it is: for points whose coordinates are of order one."""

    def bind(self, interface: "Interface") -> "Normaliser":
        """As in Normaliser; there is nothing to size."""
        return self

    def fill(self, statistics: dict[str, Any]) -> None:
        """As in Normaliser; there is nothing to fill."""

    def encode(self, u: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor | None, None]:
        """As in Normaliser; u is (b, d)."""
        return u, p, None

    def decode(self, y: Tensor, state: Tensor | None) -> Tensor:
        """As in Normaliser; y is (b, c)."""
        return y

    def scaled(self, weight: Tensor, coordinates: int) -> Tensor:
        """Columns of a first layer as the derivatives by the first coordinates see them."""
        return weight[:, :coordinates]
