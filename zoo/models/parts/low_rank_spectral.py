import math

import torch
from torch import Tensor, nn


class SpectralLowRank(nn.Module):
    """W_k + (s / r) U G_k V for every wave k: spectral weights and a learnt change, 0 at the start.

    U and V, which choose r combinations of the channels in and of the channels out, are shared by
    all waves; G_k, a matrix of r x r, is each wave's own. With r = 4 and 24 channels this is a
    thirtieth of the weights, a tenth of what two factors for each wave would take; with r as many
    as channels it can be any change.

    Autocast is left, as in LowRank. Complex numbers are pairs, multiplied as real matrices.

    Shapes:
        weight, result: (*k, c_in, c_out, 2), as in SpectralConv; U: (c_in, r, 2); G: (*k, r, r, 2);
        V: (r, c_out, 2).

    Args:
        weight: what it will be given, for its sizes and its precision.
        rank: r.
        scale: as in LowRank.

    Raises:
        ValueError: a rank below 1, or above what the weight can have.

    Source:
        Hu et al., ICLR 2022 (arXiv 2106.09685), for the idea; the form is Tucker's (Psychometrika
        1966) over the two axes of channels.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        *kept, inputs, outputs, _ = weight.shape
        refuse_rank(rank, inputs, outputs)
        self.factor = scale / rank
        into, out = weight.new_empty(inputs, rank, 2), weight.new_empty(rank, outputs, 2)
        self.into = nn.Parameter(into.normal_(std=math.sqrt(0.5 / inputs)))
        self.core = nn.Parameter(weight.new_zeros(*kept, rank, rank, 2))
        self.out = nn.Parameter(out.normal_(std=math.sqrt(0.5 / rank)))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weights."""
        *_, rank, _ = self.core.shape
        with torch.autocast(weight.device.type, enabled=False):
            # rows (wave, r) times V, then U times rows (r, part) of each wave, added at once
            product = self.core.reshape(-1, 2 * rank) @ _real(self.out)
            right = _real(product.unflatten(0, (-1, rank)).unflatten(-1, (-1, 2)))
            left = self.into.flatten(1).expand(len(right), -1, -1)
            flat = weight.reshape(len(right), self.into.shape[0], -1)
            return torch.baddbmm(flat, left, right, alpha=self.factor).view(weight.shape)


def _real(matrix: Tensor) -> Tensor:
    """A complex matrix (..., m, n, 2) as the real one (..., 2 m, 2 n) that rows of pairs meet.

    A pair (a, b) times it is a M + b i M, so each row of M is followed by the same times i.
    """
    real, imaginary = matrix.unbind(-1)
    turned = torch.stack((-imaginary, real), -1)
    return torch.stack((matrix, turned), -3).flatten(-4, -3).flatten(-2)


def refuse_rank(rank: int, inputs: int, outputs: int) -> None:
    """Raise ValueError for a rank that a change of weights of these sizes cannot have."""
    if not 1 <= rank <= min(inputs, outputs):
        raise ValueError(
            f"rank={rank} of a change of {inputs} x {outputs} weights; it is at least 1 and at "
            f"most {min(inputs, outputs)}"
        )
