"""What a pretext task puts on a body and throws away afterwards."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

CELLS = {1: 64, 2: 8, 3: 4}
"""Cells per axis that `CNN` pools to: 64 in all, whatever the dimension."""


class CNN(nn.Module):
    """Maps to a few numbers: three convolutions with gelu, pooling to 64 cells, one linear layer.

    Shapes:
        h: (b, inputs, *n); result: (b, outputs).

    Args:
        inputs: channels in.
        outputs: numbers out.
        dimension: space axes.
        widths: channels of the three convolutions.
        kernels: points per axis of the three, 1 or 3.
        periodic: continue the maps periodically; else with zeros.

    Source:
        Zhou et al., arXiv 2406.08473, the authors' code; with one channel in, in 2-D, 1,505
        parameters for 1 number, 25,080 for 24. They pool a plane to 8 x 8 cells.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dimension: int,
        widths: Sequence[int] = (4, 8, 16),
        kernels: Sequence[int] = (3, 3, 1),
        periodic: bool = True,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for out, kernel in zip(widths, kernels, strict=True):
            self.layers.extend([_layer(inputs, out, dimension, kernel, periodic), nn.GELU()])
            inputs = out
        pools = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
        self.pool, self.cells = pools[dimension], (CELLS[dimension],) * dimension
        self.output = nn.Linear(inputs * CELLS[dimension] ** dimension, outputs)

    def forward(self, h: Float[Tensor, "b inputs *n"]) -> Float[Tensor, "b outputs"]:
        """As in the class."""
        return self.output(self.pool(self.layers(h), self.cells).flatten(1))


class Dense(nn.Module):
    """Maps to maps: a convolution, a pointwise layer, a norm over channels, a linear layer.

    A gelu follows on the first two.

    Shapes:
        h: (b, inputs, *n); result: (b, outputs, *n).

    Args:
        inputs: channels in.
        outputs: channels out.
        dimension: space axes.
        widths: channels of the convolution and of the layer behind it.
        kernel: points per axis of the convolution, 1 or 3.
        periodic: as in CNN.

    Source:
        as CNN; with one channel in, in 2-D, 36,101 parameters for 5 maps.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dimension: int,
        widths: Sequence[int] = (128, 256),
        kernel: int = 3,
        periodic: bool = True,
    ) -> None:
        super().__init__()
        first, second = widths
        self.first = _layer(inputs, first, dimension, kernel, periodic)
        self.second = nn.Linear(first, second)
        self.norm = nn.LayerNorm(second)
        self.output = nn.Linear(second, outputs)

    def forward(self, h: Float[Tensor, "b inputs *n"]) -> Float[Tensor, "b outputs *n"]:
        """As in the class."""
        h = F.gelu(self.second(F.gelu(self.first(h)).movedim(1, -1)))
        return self.output(self.norm(h)).movedim(-1, 1)


class Pointwise(nn.Linear):
    """A linear layer over the channels of (b, c, *n): a convolution of one point, faster on CPU."""

    def forward(self, input: Float[Tensor, "b c *n"]) -> Float[Tensor, "b d *n"]:
        """As in the class."""
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


def _layer(inputs: int, outputs: int, dimension: int, kernel: int, periodic: bool) -> nn.Module:
    if kernel == 1:
        return Pointwise(inputs, outputs)
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dimension]
    mode = "circular" if periodic else "zeros"
    return kind(inputs, outputs, kernel, padding=kernel // 2, padding_mode=mode)
