"""The gradient of a perceptron by one reverse pass written out."""

from typing import Any

import torch
from torch import Tensor

from zoo.ops.activations import Activation
from zoo.ops.trunk import Trunk, again


def reverse(trunk: Trunk) -> tuple[Tensor, list[Tensor]]:
    """∂u/∂z_1 and [∂u/∂h_l] by r_L = W_L, r_{l-1} = (r_l σ'(z_l)) W_l, all outputs at once.

    Nothing is differentiated by automatic differentiation, so that training through it needs one
    ordinary backward pass, which is written out too.

    Shapes:
        of one output (b, n_l), of several (c, b, n_l); the last ∂u/∂h is W_L at every point, and
        has 1 in the place of b.
    """
    found = _Reverse.apply(trunk.activation, *trunk.states, *trunk.weights[1:])
    assert isinstance(found, tuple)
    return found[0], [*found[1:], _start(trunk.weights[-1])]


def to_points(below: Tensor, first: Tensor) -> Tensor:
    """∂u/∂x from ∂u/∂z_1, the last product of the pass.

    Args:
        below: ∂u/∂z_1.
        first: the first layer's columns that are differentiated, times their scale, (n, d).

    Shapes:
        result: (b, c, d).
    """
    r = below @ first
    return r[:, None] if r.ndim == 2 else r.movedim(0, 1)


def _start(last: Tensor) -> Tensor:
    """r_L for all points: (c, 1, n), or (1, n) of one output, which spares views later."""
    return last if len(last) == 1 else last[:, None]


class _Reverse(torch.autograd.Function):
    """What reaches z_1, h_1, ..., h_{L-2} from the states and the weights behind them."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, *tensors: Tensor) -> tuple[Tensor, ...]:
        count = len(tensors) // 2
        states, weights = tensors[:count], tensors[count:]
        kept = [_start(weights[-1])]  # r and r σ', from the last layer down
        for state, weight in zip(states[:0:-1], weights[-2::-1], strict=True):
            kept.append(activation.pull(kept[-1], state))
            kept.append(kept[-1] @ weight)
        below = activation.pull(kept[-1], states[0])
        ctx.activation, ctx.count = activation, count
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *kept)
        return below, *kept[:0:-2]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        count = ctx.count
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        own, kept = saved[: 2 * count], saved[2 * count :]
        if torch.is_grad_enabled():
            return (None, *again(lambda *t: _plain(ctx.activation, *t), own, grads))
        to_states: list[Tensor | None] = []
        to_weights: list[Tensor | None] = []
        # what autograd hands over is not overwritten
        g = None if grads[0] is None else grads[0].clone()
        for i, state in enumerate(own[:count]):
            bent = None
            if g is not None:
                r = kept[2 * (count - 1 - i)]
                g, bent = ctx.activation.pull_back(g, r, state)
                # no views here: autograd adds what else reaches the state in place
                bent = bent if bent.ndim == 2 else bent.sum(0)
            to_states.append(bent)
            if i == count - 1:
                break
            also = grads[i + 1]
            if also is not None:
                g = also if g is None else g.add_(also)
            s, weight = kept[2 * (count - 1 - i) - 1], own[count + i]
            to_weights.append(None if g is None else s.flatten(0, -2).mT @ g.flatten(0, -2))
            g = None if g is None else g @ weight.mT
        to_weights.append(None if g is None else g.sum(-2, keepdim=g.ndim == 2))
        return (None, *to_states, *to_weights)


def _plain(activation: Activation, *tensors: Tensor) -> tuple[Tensor, ...]:
    count = len(tensors) // 2
    states, weights = tensors[:count], tensors[count:]
    r, kept = _start(weights[-1]), []
    for state, weight in zip(states[:0:-1], weights[-2::-1], strict=True):
        r = (r * activation.derivatives(state, 1)[0]) @ weight
        kept.append(r)
    return r * activation.derivatives(states[0], 1)[0], *kept[::-1]
