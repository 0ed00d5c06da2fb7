"""A perceptron's forward pass that keeps what its derivatives are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.ops.activations import Activation


@dataclass(frozen=True)
class Trunk:
    """A pass z_l = W_l h_{l-1} + b_l, h_l = σ(z_l), of which the last z is the value.

    Args:
        states: what the derivatives of σ at z_l are functions of, each (b, n_l).
        value: (b, c).
        weights: W_l, each (n_l, n_{l-1}), the last (c, n).
        activation: σ.
    """

    states: list[Tensor]
    value: Tensor
    weights: list[Tensor]
    activation: Activation


def trunk(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: Activation
) -> Trunk:
    """The forward pass at points x (b, d)."""
    states, h = [], x
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        z = F.linear(h, weight, bias)
        h = activation(z)
        states.append(activation.state(z, h))
        del z  # the next layer takes its memory, still in the cache
    return Trunk(states, F.linear(h, weights[-1], biases[-1]), list(weights), activation)


def again(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    g: Tensor | Sequence[Tensor | None],
) -> tuple[Tensor | None, ...]:
    """Gradients of `function` by automatic differentiation, themselves differentiable.

    For a backward pass that is differentiated again: its closed form is not recorded.

    Args:
        function: one tensor or several.
        tensors: what it is of.
        g: what reaches each that it gives; None where nothing does.
    """
    with torch.enable_grad():
        # aliases, or what one tensor owes to another would be counted twice
        own = [tensor.view_as(tensor) for tensor in tensors]
        wanted = [tensor for tensor in own if tensor.requires_grad]
        made = function(*own)
        pairs = [(made, g)] if isinstance(made, Tensor) else zip(made, g, strict=True)
        outputs, reaching = zip(*(pair for pair in pairs if pair[1] is not None), strict=True)
        found = torch.autograd.grad(outputs, wanted, reaching, create_graph=True, allow_unused=True)
    rest = iter(found)
    return tuple(next(rest) if tensor.requires_grad else None for tensor in own)
