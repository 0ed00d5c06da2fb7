import torch
from torch import Tensor

from zoo.data.points.part import Part, Where, bounds, gathered, uniform
from zoo.data.targets.target import Target
from zoo.pde.points.equation import PointEquation


class Interior(Part):
    """Uniform random points of the domain: those in `where` of `count` drawn in the whole of it.

    Equal seed and count give one cloud, so that stages which see different regions of a domain
    divide it among themselves.

    Args:
        count: points drawn in the whole domain.
        targets: what is known there; nothing if left out, for residuals alone.
        name: as in Part.
        instances: as in Part.
        where: as in Part.
    """

    def __init__(
        self,
        count: int = 1000,
        targets: list[Target] | None = None,
        *,
        name: str = "interior",
        instances: tuple[int, int] | None = None,
        where: Where | None = None,
    ) -> None:
        if count < 1:
            raise ValueError(f"count={count}: at least one point")
        self.count = count
        self.targets = list(targets or [])
        self.name = name
        self.instances = instances
        self.where = dict(where or {})

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        found = torch.empty(0, len(equation.coordinates), dtype=torch.float64)
        while len(found) < self.count:
            drawn = uniform(self.count, bounds(equation, {}), rng)
            found = torch.cat([found, drawn[equation.inside(drawn)]])
        found = found[: self.count]
        low, high = bounds(equation, self.where).unbind(1)
        return found[((found >= low) & (found <= high)).all(1)]

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        return gathered(self.targets, equation, x, rng)
