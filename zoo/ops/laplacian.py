"""Sums of second derivatives of a perceptron along many directions, in one pass."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.ops.activations import Activation
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

    Shapes:
        result: (b, c).
    """
    inner = trunk.weights[1:-1]
    given = [tangents, *trunk.states, *inner, *adjoints]
    how = _How(trunk.activation, len(trunk.states), *_sizes(trunk, tangents, chunk))
    found = _Laplacian.apply(how, shares, *given)
    assert isinstance(found, Tensor)
    return found[:, None] if found.ndim == 1 else found.mT


class _How(NamedTuple):
    """What is no tensor.

    Args:
        activation: σ.
        depth: hidden layers.
        chunk: directions at a time.
        keep: whether tangents are kept for the backward pass.
    """

    activation: Activation
    depth: int
    chunk: int
    keep: bool

    def parted(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """States, weights between hidden layers, adjoints."""
        n = self.depth
        return tensors[:n], tensors[n : 2 * n - 1], tensors[2 * n - 1 :]


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


def _rise(z: Tensor, slopes: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
    """The tangents of each layer before its σ."""
    found = [z]
    for slope, weight in zip(slopes, weights, strict=False):
        t = found[-1] * slope
        found.append((t.flatten(0, 1) @ weight.mT).unflatten(0, t.shape[:2]))
    return found


def _square(z: Tensor, shares: Tensor | None) -> Tensor:
    """Σ_k w_k z_k², (b or 1, n)."""
    square = z * z
    if shares is None:
        return square.sum(0)
    return (square * shares[..., None]).sum(0)


class _Laplacian(torch.autograd.Function):
    """The sum, (b,) or (c, b), from tangents, states, weights between hidden layers, adjoints."""

    @staticmethod
    def forward(ctx: Any, how: _How, shares: Tensor | None, *tensors: Tensor) -> Tensor:
        states, weights, adjoints = how.parted(tensors[1:])
        sigma = [how.activation.derivatives(state, 2) for state in states]
        slopes = [one[0] for one in sigma]
        q: list[Any] = [0] * how.depth
        kept: list[Tensor] = []
        for z, share in _pieces(how.chunk, tensors[0], shares):
            risen = _rise(z, slopes, weights)
            q = [one + _square(t, share) for one, t in zip(q, risen, strict=True)]
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
        down = _Down([one[0][0] for one in both], weights, states)
        to_adjoints, to_bends = [], []
        for a, one, (sigma, _) in zip(adjoints, q, both, strict=True):
            to_adjoints.append((g[..., None] * (sigma[1] * one)).sum_to_size(a.shape))
            reached = (g[..., None] * a).sum_to_size(states[0].shape[0], one.shape[-1])
            to_bends.append(reached * one)
            down.to_squares.append(reached.mul_(sigma[1]).mul_(2))
        to_tangents, to_shares = [], []
        for i, (z, share) in enumerate(_pieces(how.chunk, tensors[0], shares)):
            risen = [z, *kept[i * len(weights) : (i + 1) * len(weights)]]
            risen = risen if how.keep else _rise(z, down.slopes, weights)
            if share is not None and ctx.needs_input_grad[1]:
                to_shares.append(down.to_shares(risen))
            to_tangents.append(down.fall(risen, share))
        to_states = [
            (slope * bends[0]).addcmul_(bend, bends[1])
            for slope, bend, (_, bends) in zip(down.to_slopes, to_bends, both, strict=True)
        ]
        to_share = torch.cat(to_shares) if to_shares else None
        found = [torch.cat(to_tangents), *to_states, *down.to_weights, *to_adjoints]
        return (None, to_share, *found)


def _pieces(chunk: int, tangents: Tensor, shares: Tensor | None) -> Any:
    """Tangents with their shares, so many at a time."""
    parts = tangents.split(chunk)
    return zip(parts, [None] * len(parts) if shares is None else shares.split(chunk), strict=True)


class _Down:
    """What reaches slopes and weights from the tangents, summed over all of them."""

    def __init__(
        self, slopes: list[Tensor], weights: Sequence[Tensor], states: Sequence[Tensor]
    ) -> None:
        self.slopes, self.weights = slopes, weights
        self.to_slopes = [torch.zeros_like(one) for one in states]
        self.to_weights = [torch.zeros_like(one) for one in weights]
        self.to_squares: list[Tensor] = []  # twice what reaches q

    def to_shares(self, risen: Sequence[Tensor]) -> Tensor:
        """What reaches w, (m, b)."""
        each = zip(self.to_squares, risen, strict=True)
        return torch.stack([(z * z * to).sum(-1) for to, z in each]).sum(0) / 2

    def fall(self, risen: Sequence[Tensor], share: Tensor | None) -> Tensor:
        """What reaches the first layer's tangents."""
        wide = None if share is None else share[..., None]
        g = self._square(len(risen) - 1, risen[-1], wide)
        for i in reversed(range(len(self.weights))):
            z, slope = risen[i], self.slopes[i]
            t = z * slope
            flat = g.flatten(0, 1)
            self.to_weights[i].addmm_(flat.mT, t.flatten(0, 1))
            g = (flat @ self.weights[i]).view(t.shape)
            self.to_slopes[i] += torch.mul(g, z, out=t).sum(0)
            g.mul_(slope)
            if i or z.shape[1] > 1 or len(slope) == 1:
                g += self._square(i, z, wide)
        if risen[0].shape == g.shape:
            return g
        if len(risen) == 1:
            return g.sum(1, keepdim=True)
        # the same tangent at all points: their squares' share is one product
        to = self.to_squares[0]
        to = to.sum(0) if share is None else (share @ to)[:, None]
        return torch.addcmul(g.sum(1, keepdim=True), risen[0], to)

    def _square(self, layer: int, z: Tensor, wide: Tensor | None) -> Tensor:
        to = self.to_squares[layer] * z
        return to if wide is None else to.mul_(wide)


def _plainly(how: _How, shares: Tensor | None) -> Any:
    """The same as the forward pass, open to automatic differentiation."""

    def function(*given: Tensor) -> Tensor:
        share, z, *rest = (None, *given) if shares is None else given
        assert z is not None
        states, weights, adjoints = how.parted([one for one in rest if one is not None])
        total = z.new_zeros(())
        for i, (state, a) in enumerate(zip(states, adjoints, strict=True)):
            slope, bend = how.activation.derivatives(state, 2)
            total = total + (a * (bend * _square(z, share))).sum(-1)
            if i < len(weights):
                z = (z * slope) @ weights[i].mT
        return total

    return function
