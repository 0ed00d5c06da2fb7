"""Colours of lattices as people hold them: checked, one-hot, and from arrays of numbers."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor


def check_colours(s: Integer[Tensor, "*n"], colours: int) -> None:
    """Refuse colours outside 0 ... q - 1.

    Args:
        s: colours.
        colours: q.

    Raises:
        ValueError: with the colour found.
    """
    low, high = (int(s.min()), int(s.max())) if s.numel() else (0, 0)
    if low < 0 or high >= colours:
        raise ValueError(
            f"colour {low if low < 0 else high} is outside 0 ... {colours - 1} of this "
            "model; spins -1, +1 are colours 0, 1: give (spins + 1) // 2"
        )


def one_hot_colours(
    s: Tensor, colours: int, *, dimension: int, dtype: torch.dtype
) -> Float[Tensor, "b q *n"]:
    """Lattices of colours as one-hot colours; those that are so already as they are.

    Args:
        s: (b, *n) integers, or floating (b, q, *n).
        colours: q.
        dimension: axes of a lattice.
        dtype: of what is made of integers.

    Raises:
        ValueError: a shape that is neither or, of colours on a CPU, a number that is none.
    """
    kind = s.is_floating_point()
    if s.ndim != 1 + kind + dimension or (kind and s.shape[1] != colours):
        raise ValueError(
            f"s has shape {tuple(s.shape)} and is {s.dtype}; this model needs colours "
            f"(b, {dimension} axes) of integers, or one-hot colours "
            f"(b, {colours}, {dimension} axes) of floating numbers"
        )
    if kind:
        return s
    if s.device.type == "cpu":  # elsewhere a look would wait for the device
        check_colours(s, colours)
    hot = torch.nn.functional.one_hot(s.long(), colours).movedim(-1, 1)
    return hot.to(dtype)


def read_colours(states: Any, colours: int, *, dimension: int) -> Int64[Tensor, " b *n"]:
    """Lattices from an array of whole numbers, one lattice or many.

    Args:
        states: (*n) or (b, *n) array of whole numbers 0 ... q - 1.
        colours: q.
        dimension: axes of a lattice.

    Raises:
        ValueError: another shape, or numbers that are no colours.
    """
    given = np.asarray(states)
    if given.ndim not in (dimension, dimension + 1):
        raise ValueError(f"states has shape {given.shape}; it must be (*n) or (b, *n)")
    if given.dtype.kind not in "iub" and not (np.isfinite(given) & (given % 1 == 0)).all():
        raise ValueError(f"states holds numbers that are no colours 0 ... {colours - 1}")
    s = torch.as_tensor(given.astype(np.int64)).reshape(-1, *given.shape[given.ndim - dimension :])
    check_colours(s, colours)
    return s
