from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

STRIP = 3  # widest kernel row for which oneDNN has a fast gradient of depthwise weights


class Depthwise(nn.Module):
    """Each channel's own convolution, y_c(x) = Σ_j w_c(j) h_c(x + j) + a_c with |j| <= kernel / 2.

    Cells beyond the sides are those of the periodic image, or repeat the last one, or are zero.
    The kernel may be wider than the grid.

    Shapes:
        h, result: (b, *n, channels), 1 to 3 space axes.

    Args:
        channels: channels in and out.
        kernel: cells along each axis, odd.
        dimension: space axes.
        boundary: "periodic", "neumann" (the last cell repeats), or any other (zeros).
    """

    def __init__(self, channels: int, kernel: int, dimension: int, boundary: str) -> None:
        super().__init__()
        self.channels, self.kernel, self.dimension = channels, kernel, dimension
        self.boundary = boundary
        cells = (kernel, 1) if dimension == 1 else (kernel,) * dimension
        self.weight = nn.Parameter(torch.empty(channels, 1, *cells))
        self.bias = nn.Parameter(torch.empty(channels))
        bound = kernel ** (-dimension / 2)  # as nn.Conv2d
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, h: Float[Tensor, "b *n channels"]) -> Float[Tensor, "b *n channels"]:
        """The convolution of `h`."""
        for axis in range(1, 1 + self.dimension):
            h = margin(h, axis, self.kernel // 2, self.boundary)
        if self.dimension == 3:
            x = rearrange(h, "b x y z c -> b c x y z")
            y = F.conv3d(x, self.weight, self.bias, groups=self.channels)
            return rearrange(y, "b c x y z -> b x y z c")
        x = rearrange(h if self.dimension == 2 else h[:, :, None], "b x y c -> b c x y")
        if x.device.type == "cpu" and torch.is_grad_enabled() and self.weight.shape[-1] > STRIP:
            y = Columns.apply(x, self.weight) + self.bias[:, None, None]
        else:
            y = F.conv2d(x, self.weight, self.bias, groups=self.channels)
        y = rearrange(y, "b c x y -> b x y c")
        return y if self.dimension == 2 else y[:, :, 0]


class Columns(torch.autograd.Function):
    """Depthwise `conv2d` whose weights' gradient is taken in strips of three kernel columns.

    oneDNN computes that gradient with its depthwise kernel when the kernel's rows hold at most
    three cells, and otherwise with a dense one, which is far slower. Every step is differentiable
    again, in either mode.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        """The convolution without padding: (b, c, *n) and (c, 1, *kernel)."""
        return F.conv2d(x, weight, groups=weight.shape[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Keep both inputs."""
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of the field and of the weights."""
        (x, weight), (grad,) = ctx.saved_tensors, grads
        field = weights = None
        if ctx.needs_input_grad[0]:
            field = F.conv_transpose2d(grad, weight, groups=weight.shape[0])
        if ctx.needs_input_grad[1]:
            strips = range(0, weight.shape[-1], STRIP)
            weights = torch.cat([_strip(x, weight, grad, left) for left in strips], -1)
        return field, weights

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor | None:
        """The product rule."""
        (x, weight), pushed = ctx.saved_tensors, None
        for field, kernel in ((tangents[0], weight), (x, tangents[1])):
            if field is not None and kernel is not None:
                term = F.conv2d(field, kernel, groups=weight.shape[0])
                pushed = term if pushed is None else pushed + term
        return pushed


def _strip(x: Tensor, weight: Tensor, grad: Tensor, left: int) -> Tensor:
    """Gradient of the columns `left` and the next two of the weights."""
    part = weight[..., left : left + STRIP]
    seen = x[..., left : left + grad.shape[-1] + part.shape[-1] - 1]
    seen = seen.contiguous(memory_format=torch.channels_last)  # oneDNN takes dense fields only
    settings = (None, (1, 1), (0, 0), (1, 1), False, (0, 0), weight.shape[0])
    return torch.ops.aten.convolution_backward(grad, seen, part, *settings, (False, True, False))[1]


def margin(h: Tensor, axis: int, cells: int, boundary: str) -> Tensor:
    """`h` continued by `cells` on both sides of an axis; see Depthwise for the boundaries."""
    n = h.shape[axis]
    if boundary == "periodic" and n >= 2 * cells:
        # parts that do not overlap: going back is one concatenation and two small sums
        first, middle, last = h.split([cells, n - 2 * cells, cells], axis)
        return torch.cat([last, first, middle, last, first], axis)
    places = torch.arange(-cells, n + cells, device=h.device)
    if boundary == "periodic":
        return h.index_select(axis, places % n)
    if boundary == "neumann":
        return h.index_select(axis, places.clamp(0, n - 1))
    return F.pad(h, [0, 0] * (h.ndim - 1 - axis) + [cells, cells])
