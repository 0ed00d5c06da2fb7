"""Figures of predictors that learn nothing of how a solution depends on x, at given points."""

import torch
from torch import Tensor

from zoo.pde.points.equation import PointEquation
from zoo.pde.points.trivial import best_of_time, trivial_errors

Scores = dict[str, dict[str, float]]
"""Errors by figure and predictor."""
INFORMED = ("time_radius", "ansatz_time_radius")
"""Fits in time and radius together: they solve what is radial, and so are no trivial predictors."""
STEP = 1e-4
"""Of the slope of the best function of time, in lengths of time's interval."""


@torch.no_grad()
def scores(equation: PointEquation, x: Tensor, derivatives: bool, seed: int) -> Scores:
    """Errors of all predictors, for the figures that fields are measured by.

    Of values those of `trivial_errors`, without the equation's approximations and the fits in time
    and radius together, which know the problem's form; of first derivatives the constant's, the
    best function of time's and the ansatz's.

    Args:
        equation: one with a solution.
        x: points (n, D).
        derivatives: whether first derivatives are compared too.
        seed: of the points that predictors are fitted at.
    """
    jet = equation.jet(x)
    truth = jet.value
    errors = trivial_errors(equation, seed=seed, test_x=x, test_y=truth)
    for name in (*INFORMED, *equation.approximations(x[:1])):
        errors.pop(name, None)
    found = {
        f"relative_{norm}": {name: one[norm] for name, one in errors.items()}
        for norm in ("l1", "l2")
    }
    level = truth.mean(0) if equation.time is None else best_of_time(equation, x)
    share = float((truth - level).norm() / truth.norm())
    found["beyond_time"] = {name: one["l2"] / share for name, one in errors.items()}
    if derivatives:
        slopes, size = jet.gradient, float(jet.gradient.norm())
        known = {"constant": torch.zeros_like(slopes[:1]), **_slopes(equation, x)}
        found["gradient_relative_l2"] = {
            name: float((one - slopes).norm()) / size for name, one in known.items()
        }
    return found


def _slopes(equation: PointEquation, x: Tensor) -> dict[str, Tensor]:
    """First derivatives by predictor, (n, c, d)."""
    found = {}
    if equation.time is not None:
        axis, (low, high) = equation.axis(equation.time), equation.region[equation.time]
        ends = [x.clone(), x.clone()]
        for end, sign in zip(ends, (-1, 1), strict=True):
            end[:, axis].add_(sign * STEP * (high - low)).clamp_(low, high)
        before, after = (best_of_time(equation, end) for end in ends)
        slope = x.new_zeros(len(x), len(equation.outputs), len(equation.coordinates))
        slope[..., axis] = (after - before) / (ends[1] - ends[0])[:, axis : axis + 1]
        found["time"] = slope
    ansatz = equation.ansatz(x)
    if ansatz is not None:
        found["ansatz"] = ansatz[0].gradient
    return found
