import itertools
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from zoo.ops.activations import ACTIVATIONS
from zoo.ops.trunk import Trunk, trunk

if TYPE_CHECKING:
    from zoo.models.base import Interface


class Layers(nn.Module):
    """Linear layers with a smooth nonlinearity between: h <- σ(β(W h + b)) / β, the last without.

    They start as PyTorch's linear layers do.

    Args:
        inputs: numbers in.
        width: numbers in each hidden layer.
        layers: hidden layers.
        outputs: numbers out.
        activation: σ: "tanh", "softplus", "sine", "silu" or "gelu".
        sharpness: β.

    Raises:
        ValueError: an unknown activation, or a size that is not positive.
    """

    def __init__(
        self, inputs: int, width: int, layers: int, outputs: int, activation: str, sharpness: float
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r}; it is one of {sorted(ACTIVATIONS)}")
        if min(width, layers, sharpness) <= 0:
            raise ValueError(
                f"width={width}, layers={layers} and sharpness={sharpness} must be positive"
            )
        sizes = [inputs, *[width] * layers, outputs]
        super().__init__()
        for i, pair in enumerate(itertools.pairwise(sizes)):
            self.add_module(str(i), nn.Linear(*pair))
        self.curve = ACTIVATIONS[activation](sharpness)

    @property
    def _linear(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", list(self._modules.values()))

    def __getitem__(self, place: int) -> nn.Linear:
        return self._linear[place]

    def forward(self, x: Tensor) -> Tensor:
        """Points (b, d) through all layers."""
        *hidden, last = self._linear
        for layer in hidden:
            x = self.curve(layer(x))
        return last(x)

    def run(self, x: Tensor) -> Trunk:
        """The same, with all that derivatives are made of."""
        each = self._linear
        return trunk(x, [one.weight for one in each], [one.bias for one in each], self.curve)


def point_axes(interface: "Interface", layers: int) -> dict[str, dict[int, list[str]]]:
    """Channels of the first and the last layer of `linear` in a field, as `Model.channel_axes`."""
    columns = interface.slots("inputs") + interface.slots("coefficients")
    rows = interface.slots("outputs")
    last = {f"linear.{layers}.{part}": {0: rows} for part in ("weight", "bias")}
    return {"linear.0.weight": {1: columns}, **last}
