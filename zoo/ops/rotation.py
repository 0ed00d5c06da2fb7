"""Columns turned into a triangle, where only their products with each other matter."""

from typing import Any

import torch
from torch import Tensor

from zoo.ops.trunk import again


def rotated(columns: Tensor) -> Tensor:
    """R with R Rᵀ = W Wᵀ, from W of many columns: W turned by an orthogonal matrix.

    A sum over all directions, such as a Laplacian, is the same along turned ones; those that W does
    not see are left out. Gradients through R are right for functions of R Rᵀ alone.

    On a CPU alone, and not in half precision, which has no such factorisation: on a GPU it would
    take longer than the products that it saves.

    Shapes:
        columns: (n, d); result: (n, min(n, d)), zero above the diagonal; or the columns themselves,
        if too few of these zeros would come about, d <= n / 2.
    """
    able = columns.device.type == "cpu" and columns.dtype in (torch.float32, torch.float64)
    if not able or 2 * columns.shape[1] <= columns.shape[0]:
        return columns
    found = _Rotate.apply(columns)
    assert isinstance(found, Tensor)
    return found


def _triangle(columns: Tensor) -> Tensor:
    return torch.linalg.qr(columns.mT)[1].mT


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, columns: Tensor) -> Tensor:
        q, r = torch.linalg.qr(columns.mT)
        ctx.turned = True
        ctx.save_for_backward(columns, q)
        return r.mT.contiguous()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor | None:
        columns, q = ctx.saved_tensors
        if ctx.turned and not torch.is_grad_enabled():
            # R = W Q with Q held: what Q's change adds is zero, as f(R Rᵀ) does not see a turn
            return grads[0] @ q.mT
        # a gradient of a gradient does see it, also in the pass that follows this one
        ctx.turned = False
        return again(_triangle, [columns], grads[0])[0]
