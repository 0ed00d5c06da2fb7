import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SpectralConv(nn.Module):
    """Periodic convolution by truncated Fourier series: y_k = W_k x_k + δ_k0 a for kept waves k.

    The waves kept are k = -M ... M-1 on every axis but the last, and k = 0 ... M-1 on the last,
    whose negative half a real field implies. The transform carries 1/n, so W means the same on any
    grid. Of the last axis's waves 0 and n/2 only the real part (after the other axes) is used, as
    `torch.fft.irfftn` does.

    The truncated transform is a product with a small matrix of cosines and sines for each axis, the
    last axis first. With the space axes leading and the channels trailing every step is a plain
    matrix product and nothing is permuted.

    Shapes:
        h, plus, result: (n_last, n_first, ..., b, c): the last space axis leads, see `to_inner`;
        weight: (k_last, k_first, ..., c_in, c_out, 2), k from -M up, real and imaginary part last;
        bias: (c_out,).

    Args:
        inputs: channels in.
        outputs: channels out.
        modes: M for each space axis.

    Raises:
        ValueError: the grid does not hold the modes.

    Accuracy:
        equal to `torch.fft` to 1e-6 in float32, also inside autocast, and to 1e-12 in float64: see
        tests/models/test_spectral.py and test_complex_safe.py. On CUDA with TF32 allowed these
        products are as coarse as any other.

    Source:
        Li et al., ICLR 2021 (arXiv 2010.08895), section 4. There the weights start as
        U[0, 1)/(c_in c_out): a mean that is not zero, and a size that falls with the square of the
        width. Here they are normal with E|W|^2 = 1/c_in, which keeps the variance of a field that
        the modes resolve.
    """

    def __init__(self, inputs: int, outputs: int, modes: Sequence[int]) -> None:
        super().__init__()
        self.inputs, self.outputs, self.modes = inputs, outputs, tuple(modes)
        self.kept = (self.modes[-1], *(2 * m for m in self.modes[:-1]))
        self.weight = nn.Parameter(torch.empty(*self.kept, inputs, outputs, 2))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        nn.init.normal_(self.weight, std=math.sqrt(0.5 / self.inputs))
        bound = 1 / math.sqrt(self.inputs)  # as nn.Linear
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(
        self,
        h: Float[Tensor, "last *rest b inputs"],
        plus: Float[Tensor, "last *rest b outputs"] | None = None,
    ) -> Float[Tensor, "last *rest b outputs"]:
        """The convolution of `h`, added to `plus` if there is one.

        `plus` is overwritten without autograd's knowledge: give a fresh tensor that nothing else
        needs, as the output of a Linear is.
        """
        dtype = torch.float64 if h.dtype == torch.float64 else torch.float32
        with torch.autocast(h.device.type, enabled=False):
            y = self._product(self._analyse(h.to(dtype)), self.weight.to(dtype))
            y[(0, *self.modes[:-1], 0)] += self.bias.to(dtype)  # a constant is the wave k = 0
            return self._synthesise(y, h, None if plus is None else plus.to(dtype)).to(h.dtype)

    def _matrices(self, h: Tensor, axis: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        n, modes = h.shape[axis], self.modes[axis - 1]
        least = 2 * modes if axis else 2 * modes - 2
        if n < least:
            # an axis with negative waves holds n // 2, and one number often stands for all axes
            raise ValueError(
                f"modes={modes} needs n >= {least}, got n={n}; lower modes to {n // 2} or refine "
                "the grid"
            )
        if torch.compiler.is_compiling() or type(h) is not Tensor:
            return fourier(n, modes, axis == 0, dtype, h.device)  # n may be a symbol: keep nothing
        return _kept(n, modes, axis == 0, dtype, h.device)

    def _analyse(self, h: Tensor) -> Tensor:
        """Field (n_last, n_first, ..., b, c) to waves (k_last, k_first, ..., 2, b, c)."""
        forth, _ = self._matrices(h, 0, h.dtype)
        x = forth @ h.reshape(h.shape[0], -1)
        for axis in range(1, len(self.modes)):
            forth, _ = self._matrices(h, axis, h.dtype)
            x = torch.matmul(forth, x.reshape(-1, forth.shape[1], math.prod(h.shape[axis + 1 :])))
        return x.reshape(*self.kept, 2, *h.shape[-2:])

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        """Waves times weights, complex numbers as pairs: (..., 2, b, i), (..., i, o, 2)."""
        *kept, _, b, _ = x.shape
        both = torch.bmm(
            x.reshape(-1, 2 * b, self.inputs), weight.reshape(-1, self.inputs, 2 * self.outputs)
        ).view(*kept, 2, b, self.outputs, 2)
        (rr, ri), (ir, ii) = (part.unbind(-1) for part in both.unbind(-4))
        return torch.stack((rr - ii, ri + ir), -3)

    def _synthesise(self, y: Tensor, h: Tensor, plus: Tensor | None) -> Tensor:
        """Waves to the field that the modes carry, added to `plus`."""
        shape = (*h.shape[:-1], self.outputs)
        for axis in range(len(self.modes) - 1, 0, -1):
            _, back = self._matrices(h, axis, y.dtype)
            y = torch.matmul(back, y.reshape(math.prod(self.kept[:axis]), back.shape[1], -1))
        _, back = self._matrices(h, 0, y.dtype)
        y = y.reshape(back.shape[1], -1)
        if plus is None:
            return (back @ y).view(shape)
        # in autograd's eyes no view of `plus`, so that adding in place costs no copy going back
        total = torch.ops.aten._unsafe_view(plus, (back.shape[0], y.shape[1]))
        return total.addmm_(back, y).view(shape)


def to_inner(u: Tensor) -> Tensor:
    """(b, c, n_first, ..., n_last) to the layout of `SpectralConv`, as a view."""
    return u.permute(u.ndim - 1, *range(2, u.ndim - 1), 0, 1)


def to_outer(h: Tensor) -> Tensor:
    """The inverse of `to_inner`."""
    return h.permute(h.ndim - 2, h.ndim - 1, *range(1, h.ndim - 2), 0)


def fourier(
    n: int | torch.SymInt, modes: int, half: bool, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The truncated transform on n points and its inverse, as real matrices.

    Complex numbers are pairs: rows are (k, part), columns (part, x); the half transform, k = 0 ...
    modes-1, takes a real field and so has no part in its columns.
    """
    k = torch.arange(0 if half else -modes, modes, device=device)
    ones = torch.ones((n,), dtype=torch.int64, device=device)
    x, count = ones.cumsum(0) - 1, ones.sum()  # n as a tensor: exporters know no symbolic float
    angle = (2 * math.pi / count.double()) * ((k[:, None] * x) % count)
    c, s = angle.cos(), angle.sin()
    if half:
        # a wave stands for itself and its mirror image, but 0 and n/2 are their own
        twice = 2 - ((2 * k) % count == 0).double()
        forth = torch.stack((c, -s), 1).flatten(0, 1) / count
        back = torch.stack((c, -s), 1).flatten(0, 1) * twice.repeat_interleave(2)[:, None]
    else:
        rows = torch.stack((torch.stack((c, s), 1), torch.stack((-s, c), 1)), 1)
        forth = rows.flatten(2).flatten(0, 1) / count
        back = rows.flatten(2).flatten(0, 1)
    return forth.to(dtype).contiguous(), back.mT.to(dtype).contiguous()


@lru_cache(maxsize=64)
def _kept(
    n: int, modes: int, half: bool, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False), torch.no_grad():  # or training could not reuse them
        return fourier(n, modes, half, dtype, device)
