"""Values of which nothing is kept for the backward pass: it makes them again."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def recomputed(
    function: Callable[[Tensor], Tensor], x: Tensor, weights: Sequence[Tensor]
) -> Tensor:
    """function(x), with gradients to x and to the weights that the function uses besides.

    Unlike `torch.utils.checkpoint`, it takes functions made by `torch.func`.
    """
    found = _Recomputed.apply(function, x, *weights)
    assert isinstance(found, Tensor)
    return found


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, function: Callable[[Tensor], Tensor], x: Tensor, *weights: Tensor
    ) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(x, *weights)
        # forward derivatives of some kernels are known where gradients are recorded alone
        with torch.enable_grad():
            return function(x.detach()).detach()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        x, *weights = ctx.saved_tensors
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            # an alias, or x's own history would be counted too
            at = x.view_as(x) if again else x.detach().requires_grad_(x.requires_grad)
            given = [at, *weights]
            wanted = [one for one in given if one.requires_grad]
            found = torch.autograd.grad(
                ctx.function(at), wanted, grads, create_graph=again, allow_unused=True
            )
        rest = iter(found)
        return (None, *(next(rest) if one.requires_grad else None for one in given))
