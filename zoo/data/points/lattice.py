import torch
from torch import Tensor

from zoo.data.points.part import Part, Where, bounds, gathered
from zoo.data.targets.target import Target
from zoo.pde.points.equation import PointEquation


class Lattice(Part):
    """Evenly spaced points of a box, its ends among them or not.

    Args:
        points_per_side: how many along each coordinate, by name.
        targets: what is known there; nothing if left out.
        ends: whether the first and the last point lie on the sides.
        name: as in Part.
        instances: as in Part.
        where: as in Part.
    """

    def __init__(
        self,
        points_per_side: dict[str, int],
        targets: list[Target] | None = None,
        *,
        ends: bool = True,
        name: str = "interior",
        instances: tuple[int, int] | None = None,
        where: Where | None = None,
    ) -> None:
        self.points_per_side = dict(points_per_side)
        self.targets = list(targets or [])
        self.ends = ends
        self.name = name
        self.instances = instances
        self.where = dict(where or {})

    def check(self, equation: PointEquation) -> None:
        """As in Part."""
        super().check(equation)
        if set(self.points_per_side) != set(equation.coordinates):
            raise ValueError(
                f"points_per_side={self.points_per_side}: a count for each of the coordinates "
                f"{equation.coordinates}, and for nothing else"
            )

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        counts = [self.points_per_side[name] for name in equation.coordinates]
        found = lattice(bounds(equation, self.where), counts, self.ends)
        return found[equation.inside(found)]

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        return gathered(self.targets, equation, x, rng)


def lattice(intervals: Tensor, counts: list[int], ends: bool = True) -> Tensor:
    """Evenly spaced points of a box, (prod counts, d), the last coordinate fastest."""
    axes = []
    for (low, high), count in zip(intervals.tolist(), counts, strict=True):
        if count < 2:
            raise ValueError(f"{count} points along a side; at least 2")
        all_of_them = torch.linspace(low, high, count if ends else count + 2, dtype=torch.float64)
        axes.append(all_of_them if ends else all_of_them[1:-1])
    if not axes:
        return torch.empty(1, 0, dtype=torch.float64)
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
