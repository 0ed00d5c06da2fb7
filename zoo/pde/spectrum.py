"""The waves of a box: which there are, which a product of fields leaves clean, symbols on them."""

import functools
import math

import torch
from torch import Tensor

from zoo.pde.box import Box


def modes(box: Box) -> tuple[int, ...]:
    """Shape of a box's real transform."""
    return (*box.shape[:-1], box.shape[-1] // 2 + 1)


def kept(box: Box, degree: int = 2) -> Tensor:
    """Mask (*modes), float64: the waves whose products of `degree` factors alias on none of them.

    Waves with |k| < n / (degree + 1) on every side: the 2/3 rule for a product of two.
    """
    return _kept(box, degree, str(torch.get_default_device()))


def columns(mask: Tensor) -> int:
    """How many columns of the last axis a mask (*modes) of waves reaches."""
    return int(mask.flatten(0, -2).any(0).sum()) if mask.ndim > 1 else int(mask.sum())


@functools.lru_cache(maxsize=64)
def _kept(box: Box, degree: int, device: str) -> Tensor:
    # made under inference mode, a mask could never again be part of a gradient
    with torch.inference_mode(False):
        mask = torch.ones(modes(box), dtype=torch.float64)
        for axis, (n, length) in enumerate(zip(box.shape, box.lengths, strict=True)):
            k = box.waves(axis) * (length / (2 * math.pi))
            mask = mask * (k.abs() < n / (degree + 1) - 1e-9)
        return mask


def laplacian(box: Box) -> Tensor:
    """|k|² over the modes, (*modes): minus the symbol of the Laplacian."""
    return sum((box.waves(axis) ** 2 for axis in range(box.dimension)), torch.zeros(()).double())


def spread(p: Tensor, box: Box) -> Tensor:
    """One coefficient (b,) as (b, 1, 1, ...), to broadcast over channels and modes."""
    return p.view(-1, *(1,) * (box.dimension + 1))


def restricted(box: Box, u_hat: Tensor, shape: tuple[int, ...]) -> tuple[Box, Tensor]:
    """The coarser box and the waves on it; its Nyquist waves are dropped, as `Box.restrict` does.

    Shapes:
        u_hat: (..., *modes) of `box`.
    """
    if tuple(shape) == box.shape:
        return box, u_hat
    if any(new > old for new, old in zip(shape, box.shape, strict=True)):
        raise ValueError(f"restricted goes to a coarser grid; got {box.shape} to {shape}")
    small = Box(box.lengths, tuple(shape))
    for axis, new, old in zip(box.axes, small.shape, box.shape, strict=True):
        half = (new - 1) // 2
        parts = [u_hat.narrow(axis, 0, half + 1)]
        if new % 2 == 0:
            parts.append(torch.zeros_like(u_hat.narrow(axis, 0, 1)))
        if axis != -1:
            parts.append(u_hat.narrow(axis, old - half, half))
        u_hat = torch.cat(parts, axis)
    return small, u_hat * (math.prod(small.shape) / math.prod(box.shape))
