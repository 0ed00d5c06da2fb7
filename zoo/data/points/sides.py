import torch
from torch import Tensor

from zoo.data.points.lattice import lattice
from zoo.data.points.part import Part, Where, bounds
from zoo.pde.points.equation import PointEquation


class Sides(Part):
    """Points on the sides that are neither periodic nor in time, with the values given there.

    Where an equation holds at the sides instead of values (`walled`), nothing is known but where
    they are.

    Args:
        count: random points over all sides together, by their area; None for `points_per_side`.
        points_per_side: evenly spaced points along each coordinate of each side, ends included: one
            number, or one by coordinate.
        name: as in Part.
        instances: as in Part.
        where: a narrower box, whose own sides are taken; the equation's `boundary` must be known on
            them.
    """

    def __init__(
        self,
        count: int | None = None,
        points_per_side: int | dict[str, int] | None = None,
        *,
        name: str = "boundary",
        instances: tuple[int, int] | None = None,
        where: Where | None = None,
    ) -> None:
        if (count is None) == (points_per_side is None):
            raise ValueError(
                f"count={count} and points_per_side={points_per_side}: give one of the two"
            )
        if count is not None and count < 1:
            raise ValueError(f"count={count} of points on sides: at least one")
        self.count = count
        self.points_per_side = points_per_side
        self.name = name
        self.instances = instances
        self.where = dict(where or {})

    def check(self, equation: PointEquation) -> None:
        """As in Part."""
        super().check(equation)
        if not (equation.sided or equation.walled):
            raise ValueError(f"{equation.name} has no sides with given values; leave {self.name!r}")
        if equation.walled and (self.where or self.count is None):
            raise ValueError(
                f"part {self.name!r}: the sides of {equation.name} are its walls, no box; give "
                "count alone"
            )
        given = self.points_per_side
        if isinstance(given, dict) and set(given) != set(equation.coordinates):
            raise ValueError(
                f"points_per_side={given}: one number, or one for each of the coordinates "
                f"{equation.coordinates}"
            )

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        if self.count is not None and not self.where:
            return equation.draw_sides(self.count, rng)[:, : len(equation.coordinates)]
        box = bounds(equation, self.where)
        free = (*equation.periodic, equation.time)
        axes = [i for i, name in enumerate(equation.coordinates) if name not in free]
        given = self.points_per_side
        if given is None:
            return _random(box, axes, self.count or 0, rng)
        counts = [given if isinstance(given, int) else given[n] for n in equation.coordinates]
        return torch.cat([_side(box, axis, end, counts) for axis in axes for end in (0, 1)])

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        return {"y": equation.boundary(x)} if equation.sided else {}


def _side(box: Tensor, axis: int, end: int, counts: list[int]) -> Tensor:
    """Evenly spaced points of one side of a box."""
    rest = [i for i in range(len(box)) if i != axis]
    spread = lattice(box[rest], [counts[i] for i in rest])
    side = box[axis, end].expand(len(spread), len(box)).clone()
    side[:, rest] = spread
    return side


def _random(box: Tensor, axes: list[int], count: int, rng: torch.Generator) -> Tensor:
    """Points over the sides of a box, in proportion to their area."""
    low, lengths = box[:, 0], box[:, 1] - box[:, 0]
    areas = torch.stack([lengths.prod() / lengths[axis] for axis in axes]).repeat_interleave(2)
    chosen = torch.multinomial(areas, count, replacement=True, generator=rng)
    found = low + lengths * torch.rand(count, len(box), dtype=box.dtype, generator=rng)
    column = torch.tensor(axes)[chosen // 2]
    found[torch.arange(count), column] = box[column, chosen % 2]
    return found
