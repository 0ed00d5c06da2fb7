"""What is scored beside a model on the same batches: what stands still, and the zoo's solver."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.metrics.classical import Classical
from zoo.metrics.equation_residual import order
from zoo.ops.resampling import resampled
from zoo.pde.box import Box
from zoo.pde.equation import Equation

Predictor = Callable[[dict[str, Any]], Tensor]
"""From a batch to the frames (b, t, c, *n) that it asks for."""


@dataclass(frozen=True)
class Asked:
    """A model as a predictor: it takes its own coefficients by name from what a batch has.

    Args:
        model: any operator.
        coefficients: names of the columns of the batch's `p`.
    """

    model: Any
    coefficients: tuple[str, ...]

    def __call__(self, batch: dict[str, Any]) -> Tensor:
        """As a Predictor."""
        want, frames = self.model.interface, batch["y"].shape[1]
        p = batch["p"][:, [self.coefficients.index(name) for name in want.coefficients]]
        if frames <= want.horizon:
            return self.model(batch["u"], p)[:, :frames]
        return self.model.rollout(batch["u"], -(-frames // want.horizon), p)[:, :frames]


@dataclass(frozen=True)
class Still:
    """Persistence: the last frame that went in, for ever.

    Args:
        inputs: names of the channels of `u`.
        outputs: names of those of `y`, all of them inputs.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __call__(self, batch: dict[str, Any]) -> Tensor:
        """As a Predictor."""
        places = [self.inputs.index(name) for name in self.outputs]
        return batch["u"][:, -1:, places].expand_as(batch["y"])


@dataclass(frozen=True)
class MeanField:
    """The mean of all solutions, whatever the input; on another grid by its Fourier series."""

    field: Tensor

    @classmethod
    def of(cls, batches: Iterable[dict[str, Any]]) -> "MeanField":
        """The mean over batches, one after the other."""
        total, count = torch.zeros((), dtype=torch.float64), 0
        for batch in batches:
            total, count = total + batch["y"].double().sum(0), count + len(batch["y"])
        return cls((total / count).float())

    def __call__(self, batch: dict[str, Any]) -> Tensor:
        """As a Predictor."""
        return resampled(self.field, batch["y"].shape[3:]).expand_as(batch["y"])


@dataclass(frozen=True)
class Solved:
    """The zoo's solver as a predictor, with the coefficients of each sample.

    Args:
        solver: grid and step.
        inputs: names of the channels of `u`.
        outputs: names of those of `y`.
        coefficients: names of the columns of the batch's `p`.
        offset: frames from the last one that goes in to the first target.
    """

    solver: Classical
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    coefficients: tuple[str, ...]
    offset: int = 1

    def __call__(self, batch: dict[str, Any]) -> Tensor:
        """As a Predictor."""
        law, box = self.solver.equation, box_of(batch)
        p = batch["p"][:, [self.coefficients.index(name) for name in law.coefficients]]
        if isinstance(law, Equation):
            f = batch["u"][:, 0, self.inputs.index(law.inputs[0])]
            return self.solver.solve(f, p, box)[:, None, None]
        places = order(law, self.outputs)
        own = [self.inputs.index(self.outputs[i]) for i in places]
        count, dt, first = batch["y"].shape[1], float(batch["dt"][0]), self.offset
        if count == 1:  # one jump, in as few steps as it bears
            dt, first = dt * first, 1
        frames = self.solver.march(batch["u"][:, -1, own], p, box, dt, frames=count, first=first)
        return frames[:, :, [places.index(i) for i in range(len(places))]]


def box_of(batch: dict[str, Any]) -> Box:
    """The grid of a batch."""
    shape = tuple(batch["y"].shape[3:])
    sides = (float(h) * n for h, n in zip(batch["dx"][0], shape, strict=True))
    return Box(tuple(sides), shape)
