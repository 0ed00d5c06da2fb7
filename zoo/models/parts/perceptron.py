import itertools

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Linear layers with SiLU between, beside a linear map straight from input to output.

    Args:
        inputs: numbers in.
        hidden: width of each hidden layer.
        layers: hidden layers.
        outputs: numbers out.
        straight: whether there is the map beside; it learns what is linear at once.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, outputs: int, straight: bool) -> None:
        super().__init__()
        sizes = [inputs, *[hidden] * layers, outputs]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))
        self.straight = nn.Linear(inputs, outputs, bias=False) if straight else None

    def forward(self, x: Float[Tensor, "*any inputs"]) -> Float[Tensor, "*any outputs"]:
        """The last axis through the layers."""
        h = self.layers[0](x)
        for layer in list(self.layers)[1:]:
            h = layer(F.silu(h))
        return h if self.straight is None else h + self.straight(x)
