from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.models.parts.normaliser import Normaliser

if TYPE_CHECKING:
    from zoo.models.base import Interface


class ByRegion(Normaliser):
    """Each coordinate and parameter from its interval to [-1, 1]; values stay as they are."""

    middle: Tensor
    radius: Tensor

    def bind(self, interface: "Interface") -> "Normaliser":
        """As in Normaliser; the intervals are the interface's `region`."""
        bounds = torch.tensor(interface.region, dtype=torch.get_default_dtype())
        self.register_buffer("middle", bounds.mean(1))
        self.register_buffer("radius", (bounds[:, 1] - bounds[:, 0]) / 2)
        return self

    def fill(self, statistics: dict[str, Any]) -> None:
        """As in Normaliser; the intervals are known already."""

    def encode(self, u: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor | None, None]:
        """As in Normaliser; u is (b, d)."""
        return (u - self.middle) / self.radius, p, None

    def decode(self, y: Tensor, state: Tensor | None) -> Tensor:
        """As in Normaliser; y is (b, c)."""
        return y

    def scaled(self, weight: Tensor, coordinates: int) -> Tensor:
        """Columns of a first layer as the derivatives by the first coordinates see them."""
        return weight[:, :coordinates] / self.radius[:coordinates]

    def channel_axes(self, interface: "Interface") -> dict[str, list[str]]:
        """As in Normaliser; a new coordinate keeps its own interval."""
        labels = interface.slots("inputs") + interface.slots("coefficients")
        return {"middle": labels, "radius": labels}
