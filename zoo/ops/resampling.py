"""Periodic fields on other grids, through their Fourier series."""

from collections.abc import Sequence

import torch
from torch import Tensor


def resampled(u: Tensor, shape: Sequence[int]) -> Tensor:
    """A real periodic field on another grid of the same box; exact for waves that both carry.

    To a coarser grid the waves that it cannot carry are dropped, its Nyquist wave among them. To a
    finer one the series is evaluated between the points, through every value given.

    Shapes:
        u: (..., *n) to (..., *shape).

    Args:
        u: the field, without the end point.
        shape: points per side of the grid wanted; the last axes of u are its sides.
    """
    for axis, wanted in zip(range(-len(shape), 0), shape, strict=True):
        u = _along(u, axis, wanted)
    return u


def _along(u: Tensor, axis: int, wanted: int) -> Tensor:
    given = u.shape[axis]
    if given == wanted:
        return u
    waves = torch.fft.rfft(u, dim=axis)
    kept = (min(given, wanted) - 1) // 2 + 1
    made = waves.new_zeros(
        [wanted // 2 + 1 if i == u.ndim + axis else n for i, n in enumerate(waves.shape)]
    )
    made.narrow(axis, 0, kept).copy_(waves.narrow(axis, 0, kept))
    if wanted > given and given % 2 == 0:
        # the Nyquist wave of the coarser grid is a cosine, half of it at either sign
        made.narrow(axis, given // 2, 1).copy_(waves.narrow(axis, given // 2, 1) / 2)
    return torch.fft.irfft(made, n=wanted, dim=axis) * (wanted / given)
