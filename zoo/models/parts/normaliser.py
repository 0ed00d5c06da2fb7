from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from zoo.models.base import Interface


class Normaliser(nn.Module):
    """From physical units to what a network likes, and back; its statistics are buffers.

    `bind` sizes the buffers once a model knows its channels; `fill` sets them once, from the data
    module's `statistics()`; afterwards they travel in the release like any weight.
    """

    def bind(self, interface: "Interface") -> "Normaliser":
        """Size the buffers for the interface's channels; called by the model's constructor."""
        raise NotImplementedError

    def fill(self, statistics: dict[str, Any]) -> None:
        """Take the statistics that a data module states of its training set."""
        raise NotImplementedError

    def encode(self, u: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Physical fields and coefficients to normalised ones, and what `decode` needs of them.

        Shapes:
            u: (b, t, c, *n); p: (b, p) or None; the state is per instance, (b, ...) or None.
        """
        raise NotImplementedError

    def decode(self, y: Tensor, state: Tensor | None) -> Tensor:
        """Normalised output to physical units. Shapes: y (b, t, c, *n)."""
        raise NotImplementedError

    def channel_axes(self, interface: "Interface") -> dict[str, list[str]]:
        """Labels along the first axis of each buffer that runs over channels, for surgery."""
        return {}

    def carried(self, old: "Interface", new: "Interface") -> dict[str, Any]:
        """Constructor arguments with which the old channels are scaled as before among new ones."""
        return {}
