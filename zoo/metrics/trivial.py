"""What predictors score that learn nothing: no figure is shown without the best of them."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.data.fields import Fields
from zoo.data.frames import Frames, whole
from zoo.ops.norms import relative_l2
from zoo.pde.box import Box
from zoo.pde.equation import Equation

PART = 2**22
"""Numbers of a file that are read at a time."""


def trivial(item: Any, train: Fields, test: Fields, columns: list[int]) -> dict[str, float]:
    """Mean relative L2 error of the predictors of one system's test samples.

    `zero` predicts nothing, `mean` the mean of the training solutions. In time `persistence`
    predicts the last frame that went in. Of a steady equation `median coefficients` solves it for
    the sample's own source with the training medians in place of the sample's coefficients: a model
    must use the coefficients to beat it.

    Args:
        item: the data set; its `equation`, if it has one, gives the third predictor.
        train: training split.
        test: the split that is scored.
        columns: which columns of `p` are the equation's own, in its order.
    """
    scores: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
    if len(train):
        mean = _mean(train.y)
        if mean.shape[1] != test.y.shape[1]:  # rolled out further than trained
            mean = mean.mean(1, keepdim=True)
        scores["mean"] = lambda last, y: mean.expand_as(y)
    if item.dt is not None and item.inputs[: len(item.outputs)] == item.outputs:
        scores["persistence"] = lambda last, y: last[:, :, : len(item.outputs)].expand_as(y)
    result = {"zero": 1.0, **_errors(scores, test)}
    equation = item.equation
    if isinstance(equation, Equation) and len(train):
        box = Box(item.box, item.shape())
        median = train.p[:, columns].double().median(0).values
        f = whole(test.u)[:, 0, 0].double()
        if equation.zero_mean:
            # float32 storage leaves a mean near 1e-9, which the solver would refuse
            f = f - f.mean(box.axes, keepdim=True)
        u = equation.solve(box, f, median.expand(len(f), -1).contiguous())
        errors = relative_l2(u[:, None, None], whole(test.y).double())
        result["median coefficients"] = float(errors.mean())
    return result


def best(scores: dict[str, float]) -> tuple[str, float]:
    """The name and the error of the best of them."""
    name = min(scores, key=scores.__getitem__)
    return name, scores[name]


def _mean(targets: Tensor | Frames) -> Tensor:
    """Mean over the samples, (1, t, c, *n)."""
    if isinstance(targets, Tensor):
        return targets.mean(0, keepdim=True)
    total = torch.zeros((1, *targets.shape[1:]), dtype=torch.float64)
    for start, stop in _parts(targets):
        total += targets.whole(start, stop).double().sum(0, keepdim=True)
    return (total / len(targets)).float()


def _errors(
    predictors: dict[str, Callable[[Tensor, Tensor], Tensor]], test: Fields
) -> dict[str, float]:
    """Mean relative L2 error of what each gives for last input and targets, some at a time."""
    rows: dict[str, list[Tensor]] = {name: [] for name in predictors}
    for start, stop in _parts(test.y) if predictors else ():
        last, y = whole(test.u[:, -1:], start, stop), whole(test.y, start, stop)
        for name, predict in predictors.items():
            rows[name].append(relative_l2(predict(last, y).double(), y.double()))
    return {name: float(torch.cat(found).mean()) for name, found in rows.items()}


def _parts(values: Tensor | Frames) -> list[tuple[int, int]]:
    """First sample and end of each part; what is in memory is one part."""
    size = len(values)
    if isinstance(values, Frames):
        size = max(1, PART // math.prod(values.shape[1:]))
    return [(k, min(k + size, len(values))) for k in range(0, len(values), max(size, 1))]
