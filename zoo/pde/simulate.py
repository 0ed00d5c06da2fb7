import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.pde.marching import CACHE
from zoo.pde.spectrum import modes, restricted

FACTORS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Internal grids, in points per output point and side; a nonlinear equation begins with 2."""
PATIENCE = 64
"""A sample that is still not finite with so many times the first steps has blown up."""


class Unresolved(ArithmeticError):
    """Samples whose truncation error stays above the tolerance on the finest grid allowed."""


@dataclass
class Truncation:
    """What `simulate` chose for each sample and the errors that it measured, (b,) each.

    Args:
        factor: internal grid points per output point and side.
        steps: ETDRK steps a frame.
        step_error: relative L2 against fewer steps, divided by what the order gains; 0 if exact.
        space_error: square of the spectral tail, or the tail where the equation is linear.
    """

    factor: Tensor
    steps: Tensor
    step_error: Tensor
    space_error: Tensor

    def summary(self) -> dict[str, object]:
        """Plain numbers for a log: how many samples took which grid and steps, largest errors."""
        taken = zip(self.factor.tolist(), self.steps.tolist(), strict=True)
        return {
            "step_error": float(self.step_error.max()),
            "space_error": float(self.space_error.max()),
            "taken": {f"refined {f}, {s} steps": n for (f, s), n in sorted(Counter(taken).items())},
        }


def simulate(
    equation: Evolution,
    box: Box,
    u0_on: Callable[[Box], Tensor],
    p: Tensor,
    times: Tensor,
    tolerance: float = 1e-4,
    order: int = 4,
    *,
    steps: int = 1,
    finest: int = 16,
) -> tuple[Tensor, Truncation]:
    """Trajectories on `box` whose truncation error meets the tolerance, each at its own cost.

    Every sample begins on the grid refined twice (a linear equation: on `box`) with few steps. The
    error of the steps is the difference from fewer steps, over 2^order - 1 for half as many. The
    error of the grid is the tail ε² of its spectrum: what is missing beyond the kept waves enters
    the others by products of two such waves. Only samples that miss are redone, finer in what
    misses; output is by spectral restriction.

    Shapes:
        p (b, P), times (t,) uniform from that of the initial fields; frames (b, t, c, *n).

    Args:
        equation: what to solve.
        box: the grid of the output.
        u0_on: all b initial fields on a given grid; called once for each grid that is needed, so
            give some hundred samples a call.
        p: coefficients.
        times: of the frames; the first is that of the initial fields.
        tolerance: largest relative L2 error of a frame.
        order: of the ETDRK scheme.
        steps: ETDRK steps a frame to begin with.
        finest: largest factor of refinement.

    Raises:
        BlowUp: samples that stay not finite, with numbers and coefficients.
        Unresolved: samples that miss the tolerance on the finest grid.
    Accuracy:
        the true error of Burgers' fronts is below the tolerance: see tests/pde/test_simulate.py.
    """
    search = _Search(equation, p, len(times), box, tolerance, order, steps, finest)
    while bool(search.open.any()):
        for factor in sorted(set(search.factor[search.open].tolist())):
            grid = box.refined(factor)
            u0 = u0_on(grid)
            equation.check(grid, u0, p, times, steps)
            for count, part in search.batches(factor, math.prod(grid.shape)):
                frames, tail = _run(equation, grid, u0[part], p[part], times, order, count, box)
                search.judge(part, frames, tail)
        search.refuse()
    return search.frames, search.truncation


class _Search:
    """The grid and steps of every sample, refined until it meets the tolerance."""

    def __init__(
        self,
        equation: Evolution,
        p: Tensor,
        count: int,
        box: Box,
        tolerance: float,
        order: int,
        steps: int,
        finest: int,
    ) -> None:
        b = len(p)
        self.equation, self.p, self.tolerance, self.order = equation, p, tolerance, order
        self.linear = equation.prepared(box, p) is None
        self.first, self.ladder = steps, [f for f in FACTORS if f <= finest]
        self.open = torch.ones(b, dtype=torch.bool)
        self.factor = torch.full((b,), 1 if self.linear else min(2, finest))
        self.steps = torch.full((b,), steps)
        self.step_error = torch.full((b,), 0.0 if self.linear else math.inf, dtype=torch.float64)
        self.space_error = torch.full((b,), math.inf, dtype=torch.float64)
        self.blown: list[int] = []
        self.coarse: list[int] = []
        self.before: dict[int, tuple[int, Tensor]] = {}
        self.frames = p.new_zeros(b, count, len(equation.fields), *box.shape)

    @property
    def truncation(self) -> Truncation:
        return Truncation(self.factor, self.steps, self.step_error, self.space_error)

    def batches(self, factor: int, points: int) -> Iterator[tuple[int, Tensor]]:
        """Open samples on one grid, as (steps, numbers), small enough for the cache."""
        here = self.open & (self.factor == factor)
        size = max(1, CACHE // (points * len(self.equation.fields)))
        groups = [
            (count, (here & (self.steps == count)).nonzero().flatten())
            for count in sorted(set(self.steps[here].tolist()))
        ]
        return ((count, part) for count, numbers in groups for part in numbers.split(size))

    def judge(self, part: Tensor, frames: Tensor, tail: Tensor) -> None:
        """Accept each of the samples `part`, or say what is to be refined."""
        blown = self.equation.blown(frames)
        for i, u, ended, edge in zip(part.tolist(), frames, blown, tail.tolist(), strict=True):
            if bool(ended):
                self._steady(i)
            else:
                self._judge(i, u, edge if self.linear else edge**2)

    def refuse(self) -> None:
        """Raise for what cannot be refined any more."""
        if self.blown:
            raise self.equation.blow_up(self.p, self.blown)
        if self.coarse:
            worst = max(self.coarse, key=lambda i: float(self.space_error[i]))
            raise Unresolved(
                f"{self.equation.name}: samples {self.coarse[:8]} miss tolerance={self.tolerance} "
                f"on the output grid refined {self.ladder[-1]} times (worst: sample {worst}, "
                f"{float(self.space_error[worst]):.2g}); raise `finest` or the tolerance"
            )

    def _steady(self, i: int) -> None:
        """More steps for a sample that was not finite, or none if it has had enough."""
        self.before.pop(i, None)
        self.steps[i] *= 4
        if self.linear or self.steps[i] > PATIENCE * self.first:
            self.blown.append(i)

    def _judge(self, i: int, u: Tensor, space_error: float) -> None:
        steps, worse = int(self.steps[i]), space_error >= float(self.space_error[i])
        self.space_error[i] = space_error
        if i in self.before:
            fewer, other = self.before.pop(i)
            gain = (steps / fewer) ** self.order - 1
            self.step_error[i] = _distance(other, u) / gain
        timely = float(self.step_error[i]) <= self.tolerance
        if timely and space_error <= self.tolerance:
            self.frames[i], self.open[i] = u, False
            return
        if space_error > self.tolerance:
            finer = [f for f in self.ladder if f > self.factor[i]]
            if not finer:
                self.coarse.append(i)
            else:
                self.factor[i] = finer[0]
        # a tail that a finer grid does not shorten is the steps' fault
        if not timely or (worse and not self.linear):
            miss = float(self.step_error[i]) / self.tolerance
            more = math.ceil(math.log2(miss) / self.order) if 1 < miss < math.inf else 1
            self.before[i] = (steps, u)
            self.steps[i] = steps * 2**more


def _run(
    equation: Evolution,
    grid: Box,
    u0: Tensor,
    p: Tensor,
    times: Tensor,
    order: int,
    steps: int,
    box: Box,
) -> tuple[Tensor, Tensor]:
    """Frames on `box` and the largest spectral tail (b,) of one batch on one grid."""
    linear = equation.prepared(grid, p) is None
    shell, shape = _shell(grid, 1 if linear else equation.degree), box.shape
    frames, tail = [], torch.zeros(len(u0), dtype=torch.float64)
    for u_hat in equation.spectra(grid, u0, p, times, order=order, steps=steps):
        small, small_hat = restricted(grid, u_hat, shape)
        frames.append(small.inverse(small_hat))
        whole = torch.linalg.vector_norm(u_hat.flatten(1), dim=1).clamp_min(1e-300)
        tail = torch.maximum(tail, torch.linalg.vector_norm(u_hat[..., shell], dim=(1, 2)) / whole)
    return torch.stack(frames, 1), tail


def _shell(grid: Box, degree: int) -> Tensor:
    """All but the inner two thirds of the waves that carry the solution, (*modes) bool."""
    inner = torch.ones(modes(grid), dtype=torch.bool)
    for axis, (n, length) in enumerate(zip(grid.shape, grid.lengths, strict=True)):
        k = grid.waves(axis).abs() * (length / (2 * math.pi))
        inner = inner & (k < n / (degree + 1) * 2 / 3)
    return ~inner


def _distance(u: Tensor, v: Tensor) -> float:
    """Largest relative L2 over the frames (t, c, *n) of one trajectory."""
    size = v.flatten(1).norm(dim=1)
    # a field that is zero throughout has no error
    floor = (1e-12 * size.max()).clamp_min(1e-300)
    return float(((u - v).flatten(1).norm(dim=1) / torch.maximum(size, floor)).max())
