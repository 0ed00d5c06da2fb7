"""What predictors score that learn nothing: no figure is shown without the best of them."""

from typing import Any

import torch
from torch import Tensor

from zoo.data.fields import Fields
from zoo.ops.norms import relative_l2
from zoo.pde.box import Box
from zoo.pde.equation import Equation


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
    mean = train.y.mean(0, keepdim=True)
    if mean.shape[1] != test.y.shape[1]:  # rolled out further than trained
        mean = mean.mean(1, keepdim=True)
    result = {"zero": 1.0, "mean": _error(mean.expand_as(test.y), test.y)}
    if item.dt is not None and item.inputs == item.outputs:
        result["persistence"] = _error(test.u[:, -1:].expand_as(test.y), test.y)
    equation = item.equation
    if isinstance(equation, Equation):
        box = Box(item.box, item.shape())
        median = train.p[:, columns].double().median(0).values
        f = test.u[:, 0, 0].double()
        if equation.zero_mean:
            # float32 storage leaves a mean near 1e-9, which the solver would refuse
            f = f - f.mean(box.axes, keepdim=True)
        u = equation.solve(box, f, median.expand(len(f), -1).contiguous())
        result["median coefficients"] = _error(u[:, None, None], test.y)
    return result


def best(scores: dict[str, float]) -> tuple[str, float]:
    """The name and the error of the best of them."""
    name = min(scores, key=scores.__getitem__)
    return name, scores[name]


def _error(prediction: Tensor, target: Tensor) -> float:
    return float(relative_l2(prediction.to(torch.float64), target.double()).mean())
