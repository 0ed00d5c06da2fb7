"""Energy by wave number of what predictors give, summed over batches."""

import math
from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface
from zoo.ops import shells
from zoo.scorecard_predictors import box_of


class Spectra:
    """Mean energy by shell of wave number at the first and the last frame, of each predictor."""

    def __init__(self, face: Interface, batch: dict[str, Any]) -> None:
        box, frames = box_of(batch), batch["y"].shape[1]
        self.lengths, self.channels = box.lengths, face.outputs
        self.step = shells.spacing(box.lengths)
        self.count = shells.count(box.shape, box.lengths, self.step)
        self.places = sorted({0, frames - 1})
        self.found: dict[str, Tensor] = {}

    def add(self, name: str, answer: Tensor) -> None:
        """Add the frames (b, t, c, *n) that a predictor gave for a batch."""
        energy = [
            shells.energy(answer[:, place], self.lengths, self.step, self.count).sum(0)
            for place in self.places
        ]
        # a rollout may have left the finite numbers
        self.found[name] = self.found.get(name, torch.zeros(())) + torch.stack(energy)

    def plain(self, samples: int) -> dict[str, Any]:
        """Wave number of each shell, and energies by predictor, channel and frame."""
        energies = {
            name: {
                channel: {
                    f"step={place + 1:02d}": numbers(total[i, j] / samples)
                    for i, place in enumerate(self.places)
                }
                for j, channel in enumerate(self.channels)
            }
            for name, total in self.found.items()
        }
        return {"wave_numbers": [j * self.step for j in range(self.count)], "energy": energies}


def numbers(values: Tensor) -> list[float | None]:
    """A row of numbers, None for what is not finite."""
    return [value if math.isfinite(value) else None for value in values.tolist()]
