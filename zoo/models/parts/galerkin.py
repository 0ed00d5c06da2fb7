import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor, nn


class GalerkinAttention(nn.Module):
    """Attention without softmax: its cost grows as the number of points, not as its square.

    In every head the tokens' keys and values meet in one small matrix, which the queries read:
    y_i = Σ_heads Aᵀ (1/n Σ_j k̃_j v_jᵀ)ᵀ q̃_i, with q = Q z + a, k = K h + c, v = Vᵀ h. The sum is a
    mean over points, an integral: it does not depend on how many there are.

    Channels of q and k come in pairs, complex numbers that the point x turns by e^{i m·x}, a wave m
    for each pair: rotary embedding on a periodic box. Only differences of points are left in the
    products, so attention commutes with shifts; with q and k constant it is a convolution with few
    Fourier modes. Keys and values are divided by their root mean square over the points, the two
    keys of a pair by a common one, which no turn changes.

    v is never formed, since Σ k̃ vᵀ = (Σ k̃ hᵀ) V, and A meets the small matrix before q does; mean
    squares come from 1/n Σ h hᵀ. What touches points is two pointwise layers and three products.

    Shapes:
        queries: (b, m, width), or (1, m, width) shared by the batch; tokens: (b, n, width); turns:
        (b or 1, points, heads * head_width / 2), complex; result: (b, m, width).

    Args:
        width: channels of tokens and queries.
        heads: matrices in which keys and values meet.
        head_width: channels of q, k and v in one head.
        level: divide values by their root mean square; without, the result is linear in them.

    Raises:
        ValueError: the channels do not come in pairs.

    Source:
        Cao, NeurIPS 2021 (arXiv 2105.14995), Galerkin type; Li, Meidani, Farimani, TMLR 2023
        (arXiv 2205.13671), instance-normalised, with rotary embedding. Here no mean is subtracted,
        which would forget constants; waves are whole numbers; Q and K have a bias.
    """

    def __init__(self, width: int, heads: int, head_width: int, level: bool = True) -> None:
        super().__init__()
        if heads < 1 or head_width < 2 or head_width % 2:
            raise ValueError(
                f"heads={heads}, head_width={head_width}: at least one head, with an "
                "even number of channels, which turn in pairs"
            )
        self.heads, self.level = heads, level
        self.query = nn.Linear(width, heads * head_width)
        self.key = nn.Linear(width, heads * head_width)
        self.value = nn.Parameter(torch.empty(heads, width, head_width))
        self.output = nn.Parameter(torch.empty(heads, head_width, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: attention starts close to a convolution, at half the size."""
        heads, width, head_width = self.value.shape
        for layer in (self.query, self.key):
            nn.init.normal_(layer.weight, std=0.5 / math.sqrt(width))
            nn.init.normal_(layer.bias)
        nn.init.normal_(self.value, std=1 / math.sqrt(width))
        nn.init.normal_(self.output, std=0.5 / math.sqrt(heads * head_width))

    def forward(
        self,
        queries: Float[Tensor, "_ m width"],
        turn_queries: Complex[Tensor, "_ m pairs"],
        tokens: Float[Tensor, "b n width"],
        turn_tokens: Complex[Tensor, "_ n pairs"],
    ) -> Float[Tensor, "b m width"]:
        """What the queries read from the tokens."""
        q, k = self.query(queries), self.key(tokens)
        dtype = torch.float64 if tokens.dtype == torch.float64 else torch.float32
        with torch.autocast(tokens.device.type, enabled=False):
            matrix = self._matrix(turned(k.to(dtype), turn_tokens), tokens.to(dtype))
            y = torch.matmul(turned(q.to(dtype), turn_queries), matrix)
        return y.to(tokens.dtype)

    def _matrix(self, k: Tensor, tokens: Tensor) -> Tensor:
        """1/n Σ k̃ vᵀ A with keys and values normalised, heads stacked: (b, inner, width)."""
        weight, bias, value, output = (
            part.to(k.dtype) for part in (self.key.weight, self.key.bias, self.value, self.output)
        )
        products = _Mean.apply(tokens, tokens)
        square = (torch.matmul(weight, products) * weight).sum(-1)
        square = square + 2 * bias * F.linear(tokens.mean(1), weight) + bias * bias
        # a pair by one number, or a turned pair would have another norm
        square = square.unflatten(1, (-1, 2)).mean(-1).repeat_interleave(2, 1)
        met = _Mean.apply(k, tokens) * _inverse_root(square)[..., None]
        met = torch.matmul(met.unflatten(1, (self.heads, -1)), value)
        if self.level:
            square = (torch.matmul(products[:, None], value) * value).sum(-2)
            met = met * _inverse_root(square)[:, :, None]
        return torch.matmul(met, output).flatten(1, 2)


def _inverse_root(square: Tensor) -> Tensor:
    return torch.rsqrt(square + 1e-5)


def turned(h: Float[Tensor, "b n inner"], turn: Complex[Tensor, "_ n pairs"]) -> Tensor:
    """Neighbouring channels of `h`, as complex numbers, times `turn`."""
    return torch.view_as_real(torch.view_as_complex(h.unflatten(-1, (-1, 2))) * turn).flatten(-2)


def turns(angles: Float[Tensor, "b n pairs"]) -> Complex[Tensor, "b n pairs"]:
    """e^{i angle}, for `turned`."""
    return torch.complex(angles.cos(), angles.sin())


def lowest_waves(count: int, dimension: int) -> list[tuple[int, ...]]:
    """The `count` lowest whole wave vectors, 0 first, one of each pair k and -k.

    Args:
        count: how many.
        dimension: of space.
    """
    reach = 1
    # every wave vector of length <= reach is among those that the loop tries
    while True:
        tried = itertools.product(range(-reach, reach + 1), repeat=dimension)
        half = [k for k in tried if k >= (0,) * dimension and _square(k) <= reach * reach]
        if len(half) >= count:
            return sorted(half, key=lambda k: (_square(k), k))[:count]
        reach += 1


def _square(k: Sequence[int]) -> int:
    return sum(m * m for m in k)


class _Mean(torch.autograd.Function):
    """1/n Σ_j a_j b_jᵀ over tokens: (b, n, i), (b, n, o) to (b, i, o).

    `torch.bmm` gives one of the two gradients transposed in memory, and its copies cost as much as
    the product itself; here both lie as the tokens do. Differentiable twice, and forward.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        return torch.bmm(a.mT, b) / a.shape[1]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        gradient = gradients[0] / a.shape[1]
        return torch.bmm(b, gradient.mT), torch.bmm(a, gradient)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        a, b = ctx.saved_tensors
        along_a, along_b = tangents
        return (torch.bmm(along_a.mT, b) + torch.bmm(a.mT, along_b)) / a.shape[1]
