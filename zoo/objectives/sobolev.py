import math
from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.operator import Operator
from zoo.objectives.base import Objective
from zoo.ops.derivatives import seminorms
from zoo.ops.norms import relative_l2

FLOOR = 1e-3
"""Least norm of the derivatives that an error is divided by, in units of the field's."""


class Sobolev(Objective):
    """Mean over samples of a ||û - u|| / ||u|| + b Σ_k ||Dᵏû - Dᵏu|| / ||Dᵏu||, k = 1 ... order.

    Dᵏ holds all derivatives in space of order k, mixed ones too, by Fourier series; the norms are
    L2 over frames, channels and points. ||Dᵏu|| counts for at least 10⁻³ (2π/L)ᵏ ||u||, L the
    longest side. With a = 0 only derivatives are supervised, and of the values only what they leave
    open: the mean over space, by b ||mean û - mean u|| / ||u||.

    Shapes:
        batch u (b,t,c,*n), y (b,t',c',*n), p (b,P), dx (b,d).

    Args:
        order: of the highest derivatives, 1 to 4.
        values: weight a of the values.
        derivatives: weight b of each order of derivatives.

    Raises:
        ValueError: a box that is not periodic, a model that is no operator, or targets that are not
            finite.

    Source:
        Trenta, Cossu, Bacciu, TMLR 2026 (arXiv 2505.01391): SOB, and with values=0 DERL, where the
        boundary fixes the constant that is the mean here; for networks of points, with squared
        errors. Relative errors make the weights mean the same for every system and grid.
    """

    def __init__(self, order: int = 1, values: float = 1.0, *, derivatives: float = 1.0) -> None:
        super().__init__()
        if not 1 <= order <= 4:
            raise ValueError(f"order={order} must be 1 to 4")
        if values < 0 or derivatives <= 0:
            raise ValueError(
                f"values={values} may not be negative and derivatives={derivatives} must be "
                "positive; without derivatives use zoo.objectives.supervised.Supervised"
            )
        self.order, self.values, self.derivatives = order, values, derivatives

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        if not isinstance(model, Operator):
            raise ValueError(
                f"Sobolev differentiates fields on a grid, and a {type(model).__name__} gives "
                "none; use an operator such as FNO or UNet"
            )
        if interface.boundary != "periodic":
            raise ValueError(
                f"a non-periodic field given to Fourier derivatives: the box is "
                f"{interface.boundary}; use Supervised, or data on a periodic box"
            )

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `values` (or `mean`) and `order_1`, ... are the errors."""
        y = batch["y"]
        prediction = model(batch["u"], batch["p"])
        if self.values:
            terms = {"values": relative_l2(prediction, y).mean()}
        else:
            terms = {"mean": _of_the_mean(prediction - y, y).mean()}
        sizes = seminorms(y, batch["dx"], self.order)
        if not bool(sizes.isfinite().all()):
            bad = (~sizes.isfinite().all(1)).nonzero()[:, 0].tolist()
            raise ValueError(
                f"targets of samples {bad} of a batch hold values that are not finite; look at the "
                "data set"
            )
        errors = seminorms(prediction - y, batch["dx"], self.order)
        relative = errors / _floored(sizes, y, batch["dx"])
        terms |= {f"order_{k}": error for k, error in enumerate(relative.mean(0), 1)}
        told = {name: term.detach() for name, term in terms.items()}
        loss = (self.values or self.derivatives) * next(iter(terms.values()))
        return {"loss": loss + self.derivatives * relative.sum(1).mean(), **told}


def _of_the_mean(error: Tensor, y: Tensor) -> Tensor:
    """||mean over space of the error|| / ||y||, both as fields, (b,)."""
    points = math.prod(error.shape[3:])
    size = y.flatten(1).norm(dim=1)
    mean = error.flatten(3).mean(3).flatten(1).norm(dim=1) * math.sqrt(points)
    return mean / torch.where(size > 0, size, torch.ones_like(size))


def _floored(sizes: Tensor, y: Tensor, dx: Tensor) -> Tensor:
    """Norms of the derivatives, (b, order), kept from being those of rounding errors alone."""
    sides = dx * dx.new_tensor(y.shape[3:])
    power = torch.arange(1, sizes.shape[1] + 1, device=y.device)
    units = (2 * math.pi / sides.amax(1, keepdim=True)) ** power
    least = torch.maximum(sizes, FLOOR * units * y.flatten(1).norm(dim=1, keepdim=True))
    return torch.where(least > 0, least, torch.ones_like(least))
