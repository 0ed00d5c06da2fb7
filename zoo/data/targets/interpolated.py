import itertools

import torch
from torch import Tensor

from zoo.data.targets.target import KEYS, Target, checked
from zoo.pde.points.equation import PointEquation

NODES = (-1.0, 0.0, 1.0, 2.0)


class Interpolated(Target):
    """Values of a cubic interpolant of sampled data, and forward differences of it.

    What one has who knows the solution on a lattice alone: along each coordinate Lagrange's
    polynomial of the two nodes on either side, or of the four nearest the ends of the region.

    Args:
        spacing: between the samples, along every coordinate; nodes lie at its multiples.
        step: of the forward differences.
        orders: 0 for values, 1 for gradients.
    """

    def __init__(
        self, spacing: float, step: float = 1e-3, orders: tuple[int, ...] = (0, 1)
    ) -> None:
        if spacing <= 0 or step <= 0:
            raise ValueError(f"spacing={spacing} and step={step}: both above zero")
        self.spacing = spacing
        self.step = step
        self.orders = checked(orders, 1)

    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """As in Target.

        Raises:
            ValueError: fewer than four nodes lie in the region along a coordinate.
        """
        with torch.no_grad():
            here = self._interpolant(equation, x)
            found = {KEYS[0]: here} if 0 in self.orders else {}
            if 1 in self.orders:
                columns = []
                for axis in range(len(equation.coordinates)):
                    ahead = x.clone()
                    ahead[:, axis] += self.step
                    columns.append((self._interpolant(equation, ahead) - here) / self.step)
                found[KEYS[1]] = torch.stack(columns, -1)
        return found

    def _interpolant(self, equation: PointEquation, x: Tensor) -> Tensor:
        d = len(equation.coordinates)
        first, last = self._nodes(equation)
        low = torch.minimum(torch.maximum((x[:, :d] / self.spacing).floor(), first + 1), last - 2)
        along = _lagrange(x[:, :d] / self.spacing - low)
        total = None
        for places in itertools.product(range(4), repeat=d):
            node = x.clone()
            node[:, :d] = (low + torch.tensor([NODES[i] for i in places])) * self.spacing
            weight = torch.stack([along[i][:, axis] for axis, i in enumerate(places)]).prod(0)
            term = weight[:, None] * equation.solution(node)
            total = term if total is None else total + term
        assert total is not None
        return total

    def _nodes(self, equation: PointEquation) -> tuple[Tensor, Tensor]:
        """Numbers of the first and of the last node in the region along each coordinate."""
        ends = [equation.region[name] for name in equation.coordinates]
        low, high = (torch.tensor(ends, dtype=torch.float64) / self.spacing).unbind(1)
        # a bound that is a multiple of the spacing is a node, in spite of round-off
        first, last = (low - 1e-9).ceil(), (high + 1e-9).floor()
        if bool((last - first < 3).any()):
            raise ValueError(
                f"spacing={self.spacing}: a cubic needs four nodes along each coordinate of "
                f"{equation.region}; lower it"
            )
        return first, last


def _lagrange(r: Tensor) -> list[Tensor]:
    """Lagrange's polynomials of the nodes -1, 0, 1, 2 at r, mostly in [0, 1]."""
    found = []
    for node in NODES:
        one = torch.ones_like(r)
        for other in NODES:
            if other != node:
                one = one * (r - other) / (node - other)
        found.append(one)
    return found
