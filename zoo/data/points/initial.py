import torch
from torch import Tensor

from zoo.data.points.part import Part, Where, bounds, uniform
from zoo.pde.points.equation import PointEquation


class Initial(Part):
    """Random points at the initial time, with the values (and velocities) known there.

    Args:
        count: points; 1 where time is the only coordinate.
        name: as in Part.
        instances: as in Part.
        where: as in Part; an interval of time begins at the initial time.
    """

    opens = True

    def __init__(
        self,
        count: int = 100,
        *,
        name: str = "initial",
        instances: tuple[int, int] | None = None,
        where: Where | None = None,
    ) -> None:
        self.count = count
        self.name = name
        self.instances = instances
        self.where = dict(where or {})

    def check(self, equation: PointEquation) -> None:
        """As in Part."""
        super().check(equation)
        if equation.time is None:
            raise ValueError(f"{equation.name} is steady; it has no initial values")
        start = equation.region[equation.time][0]
        low = self.where.get(equation.time, (start, start))[0]
        if low != start:
            raise ValueError(
                f"part {self.name!r}: where.{equation.time} begins at {low:g}, and initial values "
                f"are known at {start:g}; begin there"
            )

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        assert equation.time is not None
        box = bounds(equation, self.where)
        start = equation.coordinates.index(equation.time)
        found = torch.empty(0, len(box), dtype=box.dtype)
        while len(found) < self.count:
            drawn = uniform(self.count, box, rng)
            drawn[:, start] = box[start, 0]
            found = torch.cat([found, drawn[equation.inside(drawn)]])
        return found[: 1 if len(box) == 1 else self.count]

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        return equation.initial(x)
