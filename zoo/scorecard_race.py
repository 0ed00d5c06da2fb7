"""The zoo's solver against a model at equal time: which grid and step are worth comparing."""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.metrics.classical import Classical
from zoo.metrics.nrmse import nrmse
from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.scorecard_law import Law
from zoo.scorecard_predictors import Predictor, Solved

SHARES = (0.25, 0.375, 0.5, 0.75, 1.0, 2.0)
"""Grids of the solver that are tried, as shares of the points of a side."""
STEPS = (1, 2, 4, 8, 16, 32)
"""ETDRK steps from frame to frame that are tried."""
PATIENCE = 30
"""Times the model's seconds after which no solver as accurate is looked for."""


@dataclass(frozen=True)
class Race:
    """The most accurate solver of those that take no longer than a model.

    Args:
        solver: the one chosen; the cheapest where none is so fast.
        seconds: that it takes for the samples timed.
        model_seconds: that the model takes for them, on one thread.
        samples: that were timed.
        tried: grid, steps, seconds and error of each, from the cheapest on.
        match: of these the cheapest that is as accurate as the model; None where none was found.
    """

    solver: Solved
    seconds: float
    model_seconds: float
    samples: int
    tried: list[dict[str, Any]] = field(default_factory=list)
    match: dict[str, Any] | None = None


def race(
    model: Predictor, law: Law, batch: dict[str, Any], made: Callable[[Classical], Solved]
) -> Race:
    """Time a model on a batch, then find the best solver in that time, on one thread.

    Args:
        model: the one to match.
        law: what is solved.
        batch: samples with their truth.
        made: the predictor of a solver.
    """
    tried, found, match = [], [], None
    with one_thread():
        budget, answer = timed(model, batch)
        wanted = _error(answer, batch["y"])
        for solver in _ladder(law, batch["y"].shape[3:]):
            predictor = made(solver)
            seconds, frames = timed(predictor, batch, budget)
            error = _error(frames, batch["y"])
            found.append((error, seconds, predictor))
            told = {"grid": list(solver.shape), "steps": solver.steps, "seconds": seconds}
            tried.append({**told, "nrmse": error if math.isfinite(error) else None})
            if match is None and error <= wanted:
                match = tried[-1]
            if seconds > (2 if match is not None else PATIENCE) * budget:
                break  # the next ones take longer still
    within = [one for one in found if one[1] <= budget and math.isfinite(one[0])]
    _, seconds, best = min(within or found[:1], key=lambda one: one[0])
    return Race(best, seconds, budget, len(batch["y"]), tried, match)


def _error(prediction: Tensor, target: Tensor) -> float:
    """NRMSE; infinite where a prediction is not finite."""
    error = float(nrmse(prediction.double(), target.double()).nanmean())
    return error if bool(prediction.isfinite().all()) else math.inf


def timed(predictor: Predictor, batch: dict[str, Any], enough: float = 5.0) -> tuple[float, Tensor]:
    """Seconds that a predictor takes for a batch, and what it gives: the median of three.

    Of the processor: on one thread that is what a clock shows on a machine with nothing else to do.
    A first time that is far beyond `enough` is not repeated.
    """

    def once() -> tuple[float, Tensor]:
        start = time.process_time()
        found = predictor(batch)
        return time.process_time() - start, found

    with torch.no_grad():
        first, found = once()  # which warms caches
        if first > 2 * enough:
            return first, found
        return statistics.median(once()[0] for _ in range(3)), found


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _ladder(law: Law, grid: Iterable[int]) -> list[Classical]:
    """Solvers from the cheapest on."""
    shapes = {tuple(max(8, 2 * round(n * share / 2)) for n in grid) for share in SHARES}
    linear = True
    if isinstance(law, Evolution):
        least = min(shapes)
        p = torch.ones(1, len(law.coefficients), dtype=torch.float64)
        linear = law.prepared(Box((1.0,) * len(least), least), p) is None
    steps = STEPS[:1] if linear else STEPS
    every = [Classical(law, shape, step) for shape in shapes for step in steps]
    return sorted(every, key=lambda one: (math.prod(one.shape) * one.steps, one.shape))


def _rows(value: Any, batch: dict[str, Any]) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0 and len(value) == len(batch["y"])
