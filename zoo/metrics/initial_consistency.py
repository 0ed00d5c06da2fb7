import math
from typing import Any

import torch
from torch import Tensor

from zoo.metrics.points import PointMetric, cast
from zoo.models.base import Model


class InitialConsistency(PointMetric):
    """Root mean square over a lattice of ∂R/∂p: how the residual varies with the parameters.

    Where the parameters p are initial values, a field that solves the equation from all of them has
    R = 0 for every p, so its derivative is zero too. The mean is over points, equations and
    parameters, then over instances.

    Source:
        The consistency with initial conditions of Trenta, Cossu, Bacciu, TMLR 2026 (arXiv
        2505.01391).
    """

    title = "consistency_rms"

    def __init__(self) -> None:
        # relative to a truth of one at each point, a norm is a root of a mean
        super().__init__(relative=True)

    def errors(self, model: Model, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """As in PointMetric."""
        equation = batch["equation"]
        if not equation.parameters:
            raise ValueError(
                f"{equation.name} has no parameters to differentiate by; leave "
                f"{type(self).__name__} out"
            )
        field: Any = model
        with torch.inference_mode(False), torch.enable_grad():
            x = cast(batch, model).detach().clone().requires_grad_()
            residual = equation.residual(x, field.jet(x))
            rows = [
                torch.autograd.grad(one.sum(), x, retain_graph=True)[0]
                for one in residual.unbind(1)
            ]
        slopes = torch.cat([row[:, len(equation.coordinates) :] for row in rows], 1).detach()
        return slopes / math.sqrt(slopes.shape[1]), torch.ones_like(slopes[:, :1])
