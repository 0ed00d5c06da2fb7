"""Spectral weights on a box of another length: waves kept by number, or by wavelength."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Model
from zoo.shelf import ReleaseError

Waves = Literal["number", "length"]
Labels = Mapping[int, list[str]]
WAVES = "waves."


def is_wave(labels: Sequence[str]) -> bool:
    """Whether an axis of a tensor runs over waves."""
    return bool(labels) and labels[0].startswith(WAVES)


def spectral(axes: Mapping[str, Labels]) -> list[str]:
    """The tensors of `Model.channel_axes` that have an axis of waves."""
    return [name for name, each in axes.items() if any(map(is_wave, each.values()))]


def sides(model: Model) -> list[float]:
    """The lengths after which a model's waves repeat: its box, and the margin it adds inside."""
    return [side + getattr(model, "padding", 0.0) for side in model.interface.box]


def same_band(model: Model, box: Sequence[float]) -> int | list[int]:
    """The modes that hold the same wavelengths on another box: ceil(M L' / L) for each axis.

    Raises:
        ReleaseError: the model has no weights by wave.
    """
    if not spectral(model.channel_axes()):
        raise ReleaseError(
            f"waves='length' on a {type(model).__name__}, which has no weights by wave; "
            "waves='number' takes positions relative to the box"
        )
    modes: Any = getattr(model, "modes", 1)
    each = [modes] * len(box) if isinstance(modes, int) else modes
    margin = getattr(model, "padding", 0.0)
    pairs = zip(each, box, sides(model), strict=True)
    found = [max(1, math.ceil(round(m * (new + margin) / old, 9))) for m, new, old in pairs]
    return found[0] if isinstance(modes, int) and len(set(found)) == 1 else found


def by_length(weight: Tensor, old: Labels, new: Labels, model: Model, fresh: Model) -> Tensor:
    """The weights at the wavelengths of another box: (W_⌊κ⌋, W_⌈κ⌉) interpolated, κ = k L / L'.

    Wave k of the new box of length L' has the wavelength that the number κ has on the old one.
    Where there is no such wave, because κ lies beyond the waves kept, the weight is zero.

    Args:
        weight: with an axis of waves for each label list of waves in `old`.
        old: labels of its axes, `waves.<space axis>.<k>`.
        new: labels of the axes wanted.
        model: the release, on its box.
        fresh: what takes the weights, on its own.
    """
    before, after = sides(model), sides(fresh)
    for axis, labels in new.items():
        if not is_wave(labels):
            continue
        place = int(labels[0].split(".")[1])
        known = [int(label.rpartition(".")[2]) for label in old[axis]]
        wanted = [int(label.rpartition(".")[2]) for label in labels]
        matrix = torch.zeros(len(wanted), len(known), dtype=torch.float64)
        for row, k in enumerate(wanted):
            at = round(k * before[place] / after[place], 9)
            low, part = math.floor(at), at - math.floor(at)
            if low in known and (not part or low + 1 in known):
                matrix[row, known.index(low)] = 1 - part
                if part:
                    matrix[row, known.index(low + 1)] = part
        first = weight.movedim(axis, 0)
        moved = (matrix @ first.double().flatten(1)).view(len(wanted), *first.shape[1:])
        weight = moved.movedim(0, axis).to(weight.dtype)
    return weight
