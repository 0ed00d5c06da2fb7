"""The zoo's own solver as a predictor, on a grid and with a step of one's choice."""

import math
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from zoo.ops.resampling import resampled
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.evolution import Evolution
from zoo.pde.marching import CACHE


@dataclass(frozen=True)
class Classical:
    """A spectral solver: fields go to its grid and come back through their Fourier series.

    What it gives is not checked: a step that is too long gives numbers that are not finite.

    Args:
        equation: what is solved.
        shape: points per side of its grid.
        steps: ETDRK steps of fourth order from frame to frame; a linear equation needs none.
    """

    equation: Evolution | Equation
    shape: tuple[int, ...]
    steps: int = 1

    def march(
        self, u: Tensor, p: Tensor, box: Box, dt: float, *, frames: int, first: int = 1
    ) -> Tensor:
        """The frames after a field, (b, frames, c, *n), float64.

        Args:
            u: the field, (b, c, *n).
            p: coefficients, (b, P), in the equation's order.
            box: grid of u and of the frames.
            dt: time between frames.
            frames: how many.
            first: time of the first one, in dt.
        """
        equation = self.equation
        assert isinstance(equation, Evolution)
        times = torch.arange(first + frames, dtype=torch.float64) * dt
        grid = Box(box.lengths, self.shape)
        size = max(1, CACHE // (math.prod(self.shape) * u.shape[1]))
        found = u.new_empty(len(u), frames, *u.shape[1:], dtype=torch.float64)
        for k in range(0, len(u), size):
            part = slice(k, k + size)
            start = resampled(u[part].double(), self.shape)
            waves = equation.spectra(grid, start, p[part].double(), times, steps=self.steps)
            made = torch.stack(list(islice(waves, first, None)), 1)
            found[part] = resampled(grid.inverse(made), box.shape)
        return found

    def solve(self, f: Tensor, p: Tensor, box: Box) -> Tensor:
        """The steady solution of a source (b, *n), (b, *n), float64."""
        equation = self.equation
        assert isinstance(equation, Equation)
        grid = Box(box.lengths, self.shape)
        source = resampled(f.double(), self.shape)
        if equation.zero_mean:
            source = source - source.mean(grid.axes, keepdim=True)
        return resampled(equation.solve(grid, source, p.double()), box.shape)
