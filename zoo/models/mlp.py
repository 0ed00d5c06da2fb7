from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface
from zoo.models.field import Field
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.layers import Layers, point_axes
from zoo.models.parts.normaliser import Normaliser
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.models.parts.unscaled import Unscaled
from zoo.ops.jets import Jet


class MLP(Field):
    """Perceptron u(x) = W_L h_L + b_L with h_{l+1} = σ(βW_l h_l + βb_l) / β and h_0 = x.

    Linear layers start as PyTorch's do; the output has no nonlinearity. Jets are in closed form up
    to the third order, see PerceptronJet.

    Shapes:
        as in Field.

    Args:
        interface: as in Field.
        normaliser: as in Model; None is Unscaled.
        width: numbers in each hidden layer.
        layers: hidden layers.
        activation: σ: "tanh", "softplus", "sine", "silu" or "gelu".
        sharpness: β; softplus tends to a ramp as it grows.

    Raises:
        ValueError: an unknown activation, or a size that is not positive.
    """

    def __init__(
        self,
        interface: Interface,
        normaliser: Normaliser | None = None,
        *,
        width: int = 50,
        layers: int = 4,
        activation: str = "tanh",
        sharpness: float = 1.0,
    ) -> None:
        super().__init__()
        self.interface = interface
        self.normaliser = (Unscaled() if normaliser is None else normaliser).bind(interface)
        self.width, self.layers = width, layers
        self.activation, self.sharpness = activation, sharpness
        count = len(interface.inputs) + len(interface.coefficients)
        outputs = len(interface.outputs)
        self.linear = Layers(count, width, layers, outputs, activation, sharpness)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        region = ((-1.0, 1.0), (0.0, 2.0), (0.5, 1.5))
        interface = Interface(("x", "y"), ("u", "v"), ("k",), region=region)
        return {"interface": interface, "normaliser": ByRegion(), "width": 8, "layers": 2}

    def values(self, x: Tensor) -> Tensor:
        """As in Field."""
        return self.linear(x)

    def own_jet(self, x: Tensor) -> Jet:
        """As in Field; under autocast, or with a normaliser that scales values, by autograd."""
        scale = self.normaliser
        known = isinstance(scale, Unscaled | ByRegion)
        if not known or torch.is_autocast_enabled(x.device.type):
            return super().own_jet(x)
        run = self.linear.run(scale.encode(x, None)[0])
        first = scale.scaled(run.weights[0], len(self.interface.inputs))
        return PerceptronJet(run, first, lambda: super(MLP, self).own_jet(x))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        return super().channel_axes() | point_axes(self.interface, self.layers)
