import torch
from torch import Tensor

from zoo.data.targets.target import Target, checked, taken
from zoo.pde.points.equation import PointEquation

ROWS = 100_000


class Analytic(Target):
    """The equation's own solution and its derivatives, in float64.

    Args:
        orders: 0 for values, 1 for gradients, 2 for Hessians.
    """

    def __init__(self, orders: tuple[int, ...] = (0, 1)) -> None:
        self.orders = checked(orders)

    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """As in Target."""
        with torch.no_grad():
            parts = [taken(equation.jet(rows), self.orders) for rows in x.split(ROWS)]
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
