import itertools
import math

import torch
from torch import Tensor

from zoo.data.targets.target import KEYS, Target, checked
from zoo.pde.points.equation import PointEquation


class FiniteDifferences(Target):
    """Derivatives by differences of the solution's values around each point.

    A stencil of m offsets differentiates exactly what is a polynomial of degree below m; its error
    falls as step^(m - order), one power faster where offsets are symmetric and m - order is odd.
    The solution must be known as far from the points as the stencil reaches.

    Args:
        step: distance between the offsets, in the coordinate's own unit.
        offsets: of the stencil, in steps: [-1, 0, 1] is central, [0, 1] forward.
        orders: 0 for values, 1 for gradients, 2 for Hessians (mixed entries by the first
            derivative's stencil along one coordinate, then along the other).
    """

    def __init__(
        self,
        step: float,
        offsets: tuple[float, ...] = (-1.0, 0.0, 1.0),
        orders: tuple[int, ...] = (0, 1),
    ) -> None:
        self.step = step
        self.offsets = tuple(offsets)
        self.orders = checked(orders)
        different = len(set(self.offsets))
        if step <= 0 or different < max(len(self.offsets), 1 + max(self.orders)):
            raise ValueError(
                f"step={step} and offsets={list(offsets)}: a positive step and at least "
                f"{1 + max(self.orders)} offsets, all different, for orders={list(self.orders)}"
            )

    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """As in Target.

        Raises:
            ValueError: the stencil reaches back to times before the first.
        """
        if max(self.orders) > 0:
            self._check(equation, x)
        axes = range(len(equation.coordinates))
        found = {}
        with torch.no_grad():
            if 0 in self.orders:
                found[KEYS[0]] = equation.solution(x)
            if 1 in self.orders:
                columns = [self._along(equation, x, {axis: 1}) for axis in axes]
                found[KEYS[1]] = torch.stack(columns, -1)
            if 2 in self.orders:
                entries = {
                    (i, j): self._along(equation, x, {i: 2} if i == j else {i: 1, j: 1})
                    for i, j in itertools.combinations_with_replacement(axes, 2)
                }
                rows = [
                    torch.stack([entries[min(i, j), max(i, j)] for j in axes], -1) for i in axes
                ]
                found[KEYS[2]] = torch.stack(rows, -2)
        return found

    def _check(self, equation: PointEquation, x: Tensor) -> None:
        if equation.time is None:
            return
        name, start = equation.time, equation.region[equation.time][0]
        reach = -min(0.0, *self.offsets) * self.step
        if len(x) and float(x[:, equation.axis(name)].min()) - reach < start:
            raise ValueError(
                f"offsets={list(self.offsets)} reach {reach:g} back from {name}="
                f"{float(x[:, equation.axis(name)].min()):g}, before {name}={start:g} where "
                f"{equation.name} begins; take offsets from 0 up, or where.{name} from "
                f"{start + reach:g} on"
            )

    def _along(self, equation: PointEquation, x: Tensor, orders: dict[int, int]) -> Tensor:
        """The mixed derivative whose order along each axis is given, (n, c)."""
        tables = [weights(self.offsets, order, self.step) for order in orders.values()]
        total = None
        for combination in itertools.product(*tables):
            weight = math.prod(w for _, w in combination)
            if weight == 0:
                continue
            moved = x.clone()
            for axis, (offset, _) in zip(orders, combination, strict=True):
                moved[:, axis] += offset * self.step
            term = weight * equation.solution(moved)
            total = term if total is None else total + term
        assert total is not None
        return total


def weights(offsets: tuple[float, ...], order: int, step: float) -> list[tuple[float, float]]:
    """Offset and weight of each point of a stencil: exact for polynomials below its size."""
    places = torch.tensor(offsets, dtype=torch.float64)
    powers = torch.arange(len(offsets), dtype=torch.float64)
    wanted = torch.zeros(len(offsets), dtype=torch.float64)
    wanted[order] = math.factorial(order)
    solved = torch.linalg.solve(places[None, :] ** powers[:, None], wanted) / step**order
    # a weight that round-off left beside zero would cost an evaluation
    solved[solved.abs() < 1e-12 * solved.abs().max()] = 0
    return list(zip(offsets, solved.tolist(), strict=True))
