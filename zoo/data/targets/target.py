from abc import ABC, abstractmethod

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation

KEYS = ("y", "dy", "ddy")
"""Value, gradient and Hessian: what targets of order 0, 1 and 2 are called in a batch."""


class Target(ABC):
    """What is known of the solution at points, and where that knowledge comes from.

    Shapes:
        `y` (n, c), `dy` (n, c, d), `ddy` (n, c, d, d), by coordinates only.
    """

    @abstractmethod
    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Targets at points (n, D), float64."""


def checked(orders: tuple[int, ...] | list[int], highest: int = 2) -> tuple[int, ...]:
    """Orders of derivatives as a tuple.

    Raises:
        ValueError: one is not known.
    """
    if not orders or set(orders) - set(range(highest + 1)):
        raise ValueError(
            f"orders={list(orders)}: some of {list(range(highest + 1))} (value, gradient, Hessian)"
        )
    return tuple(orders)


def taken(jet: Jet, orders: tuple[int, ...]) -> dict[str, Tensor]:
    """Value, gradient and Hessian of a jet, those that are asked for, by their keys."""
    found = {}
    for order in orders:
        if order == 0:
            found[KEYS[0]] = jet.value
        elif order == 1:
            found[KEYS[1]] = jet.gradient
        else:
            found[KEYS[2]] = jet.hessian
    return found
