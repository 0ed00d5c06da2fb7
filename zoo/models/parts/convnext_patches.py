"""Patches of cells as channels, in 1 to 3 dimensions, channels last."""

from einops import rearrange
from torch import Tensor

AXES = "xyz"


def gather(h: Tensor, side: int) -> Tensor:
    """(b, *n, c) to (b, *n / side, side^d c), the cells of a patch outermost, row by row."""
    outer, inner = AXES[: h.ndim - 2], [f"{axis}i" for axis in AXES[: h.ndim - 2]]
    pairs = " ".join(f"({axis} {cell})" for axis, cell in zip(outer, inner, strict=True))
    pattern = f"b {pairs} c -> b {' '.join(outer)} ({' '.join(inner)} c)"
    return rearrange(h, pattern, **dict.fromkeys(inner, side)) if side > 1 else h


def scatter(h: Tensor, side: int) -> Tensor:
    """The inverse of `gather`."""
    outer, inner = AXES[: h.ndim - 2], [f"{axis}i" for axis in AXES[: h.ndim - 2]]
    pairs = " ".join(f"({axis} {cell})" for axis, cell in zip(outer, inner, strict=True))
    pattern = f"b {' '.join(outer)} ({' '.join(inner)} c) -> b {pairs} c"
    return rearrange(h, pattern, **dict.fromkeys(inner, side)) if side > 1 else h
