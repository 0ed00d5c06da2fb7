"""The gradient of a perceptron by one reverse pass written out."""

from typing import Any

import torch
from torch import Tensor

from zoo.ops.activations import Activation
from zoo.ops.trunk import Trunk, again


def gradient(trunk: Trunk, first: Tensor) -> Tensor:
    """∂u/∂x by r_L = W_L, r_{l-1} = (r_l σ'(z_l)) W_l, all outputs and points at once.

    Nothing is differentiated by automatic differentiation, so that training through it needs one
    ordinary backward pass, which is written out too.

    Args:
        trunk: a forward pass.
        first: what stands for the first layer's weights in the last product, (n, d): its columns
            that are differentiated, times their scale.

    Shapes:
        result: (b, c, d).
    """
    weights = [first, *trunk.weights[1:]]
    r = _Reverse.apply(trunk.activation, *trunk.after, *trunk.before, *weights)
    assert isinstance(r, Tensor)
    return r[:, None] if r.ndim == 2 else r.movedim(0, 1)


def _start(last: Tensor) -> Tensor:
    """r_L for all points: (c, 1, n), or (1, n) of one output, which spares views later."""
    return last if len(last) == 1 else last[:, None]


class _Reverse(torch.autograd.Function):
    """r_0 from h_1 ... h_L, z_1 ... z_L and the weights; h is given along, z owns the gradient."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, *tensors: Tensor) -> Tensor:
        count = len(tensors) // 3
        after, before, weights = tensors[:count], tensors[count : 2 * count], tensors[2 * count :]
        r, kept = _start(weights[-1]), []
        for h, z, weight in zip(after[::-1], before[::-1], weights[-2::-1], strict=True):
            s, needed = activation.pull(r, z, h)
            kept += [s, needed]
            r = s @ weight
        ctx.activation, ctx.count = activation, count
        ctx.save_for_backward(*tensors, *kept)
        return r

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        count, (g,) = ctx.count, grads
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        own, kept = saved[: 3 * count + 1], saved[3 * count + 1 :]
        after, before, weights = own[:count], own[count : 2 * count], own[2 * count :]
        unowned = (None,) * (1 + count)
        if torch.is_grad_enabled():
            found = again(lambda *t: _plain(ctx.activation, *t), (*before, *weights), g)
            return (*unowned, *found)
        to_before: list[Tensor] = []
        to_weights: list[Tensor] = []
        for i, (h, z) in enumerate(zip(after, before, strict=True)):
            s, needed = kept[2 * (count - 1 - i) : 2 * (count - i)]
            to_weights.append(s.reshape(-1, s.shape[-1]).mT @ g.reshape(-1, g.shape[-1]))
            g, bent = ctx.activation.bend(g @ weights[i].mT, needed, z, h)
            # no views here: autograd adds what else reaches z in place
            to_before.append(bent if bent.ndim == 2 else bent.sum(0))
        to_weights.append(g.sum(-2, keepdim=g.ndim == 2))
        return (*unowned, *to_before, *to_weights)


def _plain(activation: Activation, *tensors: Tensor) -> Tensor:
    count = len(tensors) // 2
    before, weights = tensors[:count], tensors[count:]
    r = _start(weights[-1])
    for z, weight in zip(before[::-1], weights[-2::-1], strict=True):
        r = (r * activation.derivatives(z, activation(z), 1)[0]) @ weight
    return r
