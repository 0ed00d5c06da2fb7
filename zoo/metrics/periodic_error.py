from typing import Any

import torch
from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class PeriodicError(PointMetric):
    """Root mean square of û(low end) - û(high end) of the periodic coordinates, at equal times.

    Taken at the points of the lattice that lie on a low end.
    """

    title = "periodic_rms"

    def __init__(self) -> None:
        # relative to a truth of one at each point that counts, a norm is a root of a mean
        super().__init__(relative=True)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        equation, x = batch["equation"], cast(batch, model)
        if not equation.periodic:
            raise ValueError(f"{equation.name} has no periodic coordinate; leave PeriodicError out")
        error = x.new_zeros(len(x), len(equation.outputs) * len(equation.periodic))
        counts = x.new_zeros(len(x), 1)
        columns = error.split(len(equation.outputs), 1)
        for name, own in zip(equation.periodic, columns, strict=True):
            low, high = equation.region[name]
            ends = (batch["x"][:, equation.axis(name)] == low).nonzero()[:, 0]
            other = x[ends].clone()
            other[:, equation.axis(name)] = high
            own[ends] = model(x[ends]) - model(other)
            counts[ends] = 1.0
        return error, counts * torch.ones_like(error)
