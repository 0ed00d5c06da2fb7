"""Numbers that tell what a field is like, one for each sample: amplitude and energy by wave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.ops import shells

LIMIT = 65
"""Most shells of a spectrum that a release stores; the last holds all waves beyond."""


@dataclass(frozen=True)
class Spectrum:
    """How energy is told by wave number: shells as wide as the wave along a box's longest side.

    Args:
        box: physical side lengths.
        shells: how many, that of the mean included; the last holds all waves beyond it.
    """

    box: tuple[float, ...]
    shells: int

    @classmethod
    def of(cls, box: tuple[float, ...], grids: Sequence[tuple[int, ...]]) -> "Spectrum":
        """Shells up to the highest wave that the finest of some grids resolves."""
        step = shells.spacing(box)
        return cls(box, max(2, min(LIMIT, max(shells.count(grid, box, step) for grid in grids))))

    @property
    def step(self) -> float:
        """Width of a shell in wave numbers."""
        return shells.spacing(self.box)

    def bands(self) -> Iterator[tuple[int, int]]:
        """First and last shell of each octave: 1, 2 to 3, 4 to 7 ... up to the last shell."""
        first = 1
        while first < self.shells:
            yield first, min(2 * first - 1, self.shells - 1)
            first *= 2

    def energy(self, u: Tensor, box: tuple[float, ...] | None = None) -> Tensor:
        """Energy by shell, (b, c, shells), mean over the frames of (b, t, c, *n)."""
        each = shells.energy(u.flatten(0, 1), box or self.box, self.step, self.shells)
        return each.unflatten(0, u.shape[:2]).mean(1)


def shares(energy: Tensor, bands: Any) -> Tensor:
    """Share of each band in the energy of all waves but the mean, (b, c, bands); 0 of a constant.

    Args:
        energy: by shell, (b, c, shells).
        bands: first and last shell of each band.
    """
    waves = energy[..., 1:].sum(-1, keepdim=True)
    parts = [energy[..., first : last + 1].sum(-1) for first, last in bands]
    return torch.stack(parts, -1) / torch.where(waves > 0, waves, 1.0)


def amplitudes(u: Tensor) -> Mapping[str, Tensor]:
    """Least, greatest and rms value of each sample and channel of (b, t, c, *n), (b, c) each."""
    flat = u.double().transpose(1, 2).flatten(2)
    return {
        "least": flat.amin(2),
        "greatest": flat.amax(2),
        "rms": flat.square().mean(2).sqrt(),
    }
