import torch
from torch import Tensor

from zoo.data.points.part import Part, Where, bounds, uniform
from zoo.pde.points.equation import PointEquation


class Ends(Part):
    """Random points on the low end of each periodic coordinate, `other` their image on the high.

    Everything else is equal at the two, times above all: a loss that pairs unequal times pulls the
    solution towards a constant.

    Args:
        count: points on each low end.
        name: as in Part.
        instances: as in Part.
        where: as in Part, not of the periodic coordinates.
    """

    def __init__(
        self,
        count: int = 100,
        *,
        name: str = "periodic",
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
        if not equation.periodic:
            raise ValueError(f"{equation.name} has no periodic coordinate; leave {self.name!r}")
        for name in equation.periodic:
            if name in self.where:
                raise ValueError(
                    f"part {self.name!r}: where.{name}={list(self.where[name])} cuts a period; "
                    "narrow the other coordinates alone"
                )

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        box = bounds(equation, self.where)
        found = []
        for name in equation.periodic:
            drawn = uniform(self.count, box, rng)
            drawn[:, equation.axis(name)] = box[equation.axis(name), 0]
            found.append(drawn)
        return torch.cat(found)

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        other = x.clone().view(-1, len(equation.periodic), self.count, x.shape[1])
        for i, name in enumerate(equation.periodic):
            other[:, i, :, equation.axis(name)] = equation.region[name][1]
        return {"other": other.view_as(x)}
