from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.pde.points.equation import PointEquation

PARTS = ("interior", "initial")
"""Parts whose points may move; what is known at initial points is known where they go."""

Part = dict[str, Any]


class Adversarial:
    """Points moved to where the loss is large: k steps x ← x + η sign(∂loss/∂x).

    Times are clipped to their interval, points outside a bounded domain go back to the nearest
    point of it, and initial points keep their time. Parameters of the equation stay. Gradients are
    by points alone, so those of the model stay empty; an estimator draws anew at each step.

    Args:
        steps: k; the cost of a training step grows by about as many times.
        size: η, in the units of each coordinate.
        parts: of "interior" and "initial"; both if left out.

    Source:
        Wang, Li, He, Wang, Is L² physics-informed loss always suitable for training
        physics-informed neural networks?, NeurIPS 2022 (arXiv 2206.02016): 20 steps of 0.05.
    """

    def __init__(
        self, steps: int = 20, size: float = 0.05, *, parts: list[str] | None = None
    ) -> None:
        if steps < 1 or not size > 0:
            raise ValueError(f"steps={steps}, size={size}: at least 1, above 0")
        unknown = sorted(set(parts or ()) - set(PARTS))
        if unknown:
            raise ValueError(
                f"adversarial parts={parts}: {unknown[0]!r} cannot move, only {list(PARTS)} can"
            )
        self.steps, self.size, self.parts = steps, size, parts

    def moves(self, name: str) -> bool:
        """Whether the points of a part are moved."""
        return name in (PARTS if self.parts is None else self.parts)

    def worst(
        self, name: str, part: Part, equation: PointEquation, loss: Callable[[Part], Tensor]
    ) -> Part:
        """A part with its points moved, and what is known where they are now.

        Args:
            name: of the part.
            part: as the batch holds it.
            equation: of the batch.
            loss: the loss of each point of a part, (n,).

        Raises:
            ValueError: the part holds targets that do not follow its points.
        """
        held = sorted(set(part) - {"x", "weight"})
        if name == "interior" and held:
            raise ValueError(
                f"adversarial points of {name!r}: its targets {held} do not follow them; leave "
                "the targets out, or the part out of the adversary's parts"
            )
        free = self._free(name, equation, part["x"])
        x = part["x"].detach()
        for _ in range(self.steps):
            with torch.enable_grad():
                leaf = x.clone().requires_grad_()
                total = loss(_at(leaf, name, part, equation)).sum()
                (slope,) = torch.autograd.grad(total, leaf, materialize_grads=True)
            x = _back(x + self.size * free * slope.sign(), equation)
        with torch.no_grad():
            return _at(x, name, part, equation)

    def _free(self, name: str, equation: PointEquation, x: Tensor) -> Tensor:
        """One for each column that may change, else zero, (D,)."""
        free = torch.zeros_like(x[0])
        free[: len(equation.coordinates)] = 1
        if name == "initial" and equation.time is not None:
            free[equation.axis(equation.time)] = 0
        return free


def _at(x: Tensor, name: str, part: Part, equation: PointEquation) -> Part:
    known = equation.initial(x) if name == "initial" else {}
    return {**part, **known, "x": x}


def _back(x: Tensor, equation: PointEquation) -> Tensor:
    """The nearest points of the domain; the domain is convex, times are clipped exactly."""
    if equation.time is not None:
        axis, (low, high) = equation.axis(equation.time), equation.region[equation.time]
        x[:, axis].clamp_(low, high)
    with torch.enable_grad():
        leaf = x.clone().requires_grad_()
        away = equation.distance(leaf)
        if not away.requires_grad:  # an unbounded domain has nothing outside
            return x
        # the distance's gradient is the unit vector from the nearest point
        (normal,) = torch.autograd.grad(away.sum(), leaf, materialize_grads=True)
    outside = away.detach()[:, None]
    # inside, the slope of a distance may be none
    return torch.where(outside > 0, x - outside * normal, x)
