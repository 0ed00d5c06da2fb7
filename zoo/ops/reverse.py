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
    r = _Reverse.apply(trunk.activation, *trunk.states, *weights)
    assert isinstance(r, Tensor)
    return r[:, None] if r.ndim == 2 else r.movedim(0, 1)


def _start(last: Tensor) -> Tensor:
    """r_L for all points: (c, 1, n), or (1, n) of one output, which spares views later."""
    return last if len(last) == 1 else last[:, None]


class _Reverse(torch.autograd.Function):
    """r_0 from the states of the layers and the weights."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, *tensors: Tensor) -> Tensor:
        count = len(tensors) // 2
        states, weights = tensors[:count], tensors[count:]
        r, kept = _start(weights[-1]), []
        for state, weight in zip(states[::-1], weights[-2::-1], strict=True):
            s = activation.pull(r, state)
            kept += [r, s]
            r = s @ weight
        ctx.activation, ctx.count = activation, count
        ctx.save_for_backward(*tensors, *kept)
        return r

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        count, (g,) = ctx.count, grads
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        own, kept = saved[: 2 * count + 1], saved[2 * count + 1 :]
        if torch.is_grad_enabled():
            return (None, *again(lambda *t: _plain(ctx.activation, *t), own, g))
        to_states: list[Tensor] = []
        to_weights: list[Tensor] = []
        for i, state in enumerate(own[:count]):
            r, s = kept[2 * (count - 1 - i) : 2 * (count - i)]
            to_weights.append(s.reshape(-1, s.shape[-1]).mT @ g.reshape(-1, g.shape[-1]))
            g, bent = ctx.activation.pull_back(g @ own[count + i].mT, r, state)
            # no views here: autograd adds what else reaches the state in place
            to_states.append(bent if bent.ndim == 2 else bent.sum(0))
        to_weights.append(g.sum(-2, keepdim=g.ndim == 2))
        return (None, *to_states, *to_weights)


def _plain(activation: Activation, *tensors: Tensor) -> Tensor:
    count = len(tensors) // 2
    r = _start(tensors[-1])
    for state, weight in zip(tensors[count - 1 :: -1], tensors[-2 : count - 1 : -1], strict=True):
        r = (r * activation.derivatives(state, 1)[0]) @ weight
    return r
