"""Sums of second derivatives of a perceptron along many directions, in one pass."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.ops.activations import Activation
from zoo.ops.climb import Climb
from zoo.ops.trunk import Trunk, again

CACHED = 2**20
"""Bytes of a layer's tangents that are worked on at a time: they stay in a core's cache."""
HELD = 2**30
"""Bytes of tangents that are kept for the backward pass rather than made again in it."""


def laplacian(
    trunk: Trunk,
    adjoints: Sequence[Tensor],
    tangents: Tensor,
    shares: Tensor | None = None,
    chunk: int | None = None,
    lower: bool = False,
) -> Tensor:
    """Σ_k w_k v_k·∇∇u v_k = Σ_l ∂u/∂h_l σ''(z_l) q_l with q_l = Σ_k w_k (∂z_l/∂v_k)².

    The tangents ∂z_l/∂v_k go forward from layer to layer, T_{l+1} = W (σ'(z_l) T_l); the values of
    all second derivatives beside them are one number for each unit, q. The backward pass is written
    out, and costs twice the forward one.

    Args:
        trunk: a forward pass.
        adjoints: ∂u/∂h_l, as `reverse` gives them.
        tangents: ∂z_1/∂v_k, the first layer's columns for coordinates, the same for all points
            or each point's own, (m, 1 or b, n).
        shares: w of each direction and point, (m, b); 1 if left out.
        chunk: directions at a time, made again in the backward pass; None keeps what fits into 1
            GiB, and works on as much at a time as a CPU's cache holds.
        lower: whether tangent k is zero in the units before the k-th.

    Shapes:
        result: (b, c).
    """
    inner = trunk.weights[1:-1]
    given = [tangents, *trunk.states, *inner, *adjoints]
    how = _How(trunk.activation, len(trunk.states), lower, *_sizes(trunk, tangents, chunk))
    found = _Laplacian.apply(how, shares, *given)
    assert isinstance(found, Tensor)
    return found[:, None] if found.ndim == 1 else found.mT


class _How(NamedTuple):
    """What is no tensor.

    Args:
        activation: σ.
        depth: hidden layers.
        lower: as in `laplacian`.
        chunk: directions at a time.
        keep: whether tangents are kept for the backward pass.
    """

    activation: Activation
    depth: int
    lower: bool
    chunk: int
    keep: bool

    def parted(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """States, weights between hidden layers, adjoints."""
        n = self.depth
        return tensors[:n], tensors[n : 2 * n - 1], tensors[2 * n - 1 :]

    def pieces(
        self, tangents: Tensor, shares: Tensor | None
    ) -> Iterator[tuple[int, Tensor, Tensor | None]]:
        """Where some tangents begin, they themselves, and their shares."""
        for start in range(0, len(tangents), self.chunk):
            here = slice(start, start + self.chunk)
            yield start, tangents[here], None if shares is None else shares[here]


def _sizes(trunk: Trunk, tangents: Tensor, chunk: int | None) -> tuple[int, bool]:
    """Directions at a time, and whether their tangents are kept."""
    if not torch.is_grad_enabled():
        keep = False
    elif chunk is not None:
        keep = chunk >= len(tangents)
    else:
        units = sum(state.numel() for state in trunk.states[1:])
        keep = len(tangents) * units * tangents.element_size() <= HELD
    if chunk is None:
        most = CACHED if tangents.device.type == "cpu" else HELD // 8
        widest = max(state.numel() for state in trunk.states)
        chunk = max(1, most // (widest * tangents.element_size()))
    return chunk, keep


class _Laplacian(torch.autograd.Function):
    """The sum, (b,) or (c, b), from tangents, states, weights between hidden layers, adjoints."""

    @staticmethod
    def forward(ctx: Any, how: _How, shares: Tensor | None, *tensors: Tensor) -> Tensor:
        states, weights, adjoints = how.parted(tensors[1:])
        sigma = [how.activation.derivatives(state, 2) for state in states]
        climb = Climb([one[0] for one in sigma], weights, how.lower)
        q: list[Tensor] = []
        kept: list[Tensor] = []
        for start, z, share in how.pieces(tensors[0], shares):
            risen = climb.up(z, start)
            squares = [climb.squares(one, share) for one in risen]
            q = squares if start == 0 else [a.add_(b) for a, b in zip(q, squares, strict=True)]
            kept += risen[1:] if how.keep else []
        each = zip(adjoints, sigma, q, strict=True)
        total = torch.stack([(a * (bend * one)).sum(-1) for a, (_, bend), one in each]).sum(0)
        ctx.how, ctx.given = how, len(tensors)
        ctx.save_for_backward(shares, *tensors, *q, *kept)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        how, (g,) = ctx.how, grads
        shares, *saved = ctx.saved_tensors
        tensors, rest = saved[: ctx.given], saved[ctx.given :]
        if torch.is_grad_enabled():
            given = tensors if shares is None else [shares, *tensors]
            return (None, *[None] * (shares is None), *again(_plainly(how, shares), given, g))
        states, weights, adjoints = how.parted(tensors[1:])
        both = [how.activation.both(state, 2) for state in states]
        q, kept = rest[: how.depth], rest[how.depth :]
        to_adjoints, to_bends, to_squares = [], [], []
        for a, one, (sigma, _) in zip(adjoints, q, both, strict=True):
            to_adjoints.append((g[..., None] * (sigma[1] * one)).sum_to_size(a.shape))
            reached = (g[..., None] * a).sum_to_size(len(sigma[1]), one.shape[-1])
            to_bends.append(reached * one)
            to_squares.append(reached.mul_(sigma[1]))
        climb = Climb([one[0][0] for one in both], weights, how.lower)
        climb.begin(to_squares)
        to_tangents = torch.empty(tensors[0].shape, dtype=g.dtype, device=g.device)
        to_shares = torch.empty_like(shares) if ctx.needs_input_grad[1] else None
        for start, z, share in how.pieces(tensors[0], shares):
            here = slice(start, start + len(z))
            first = start // how.chunk * len(weights)
            risen = [z, *kept[first : first + len(weights)]] if how.keep else climb.up(z, start)
            if to_shares is not None:
                to_shares[here] = climb.to_shares(risen)
            to_tangents[here] = climb.down(risen, share, start)
        to_states = [
            (slope * bends[0]).addcmul_(bend, bends[1])
            for slope, bend, (_, bends) in zip(climb.to_slopes, to_bends, both, strict=True)
        ]
        return (None, to_shares, to_tangents, *to_states, *climb.to_weights, *to_adjoints)


def _plainly(how: _How, shares: Tensor | None) -> Any:
    """The same as the forward pass, open to automatic differentiation."""

    def function(*given: Tensor) -> Tensor:
        share, z, *rest = (None, *given) if shares is None else given
        assert z is not None
        states, weights, adjoints = how.parted([one for one in rest if one is not None])
        total = z.new_zeros(())
        for i, (state, a) in enumerate(zip(states, adjoints, strict=True)):
            slope, bend = how.activation.derivatives(state, 2)
            total = total + (
                a * (bend * (z * z if share is None else z * z * share[..., None]).sum(0))
            ).sum(-1)
            if i < len(weights):
                z = (z * slope) @ weights[i].mT
        return total

    return function
