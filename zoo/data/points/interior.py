import math

import torch
from torch import Tensor

from zoo.data.points.part import Part, Where, bounds, gathered, uniform
from zoo.data.targets.target import Target
from zoo.pde.points.equation import PointEquation


class Interior(Part):
    """Uniform random points of the domain: those in `where` of `count` drawn in the whole of it.

    Equal seed and count give one cloud, so that stages which see different regions of a domain
    divide it among themselves. A `share` of them is what replay of an old region takes.

    Args:
        count: points drawn in the whole domain.
        targets: what is known there; nothing if left out, for residuals alone.
        name: as in Part.
        instances: as in Part.
        where: as in Part.
        share: the fraction of the points in `where` that is kept, chosen at random.
    """

    def __init__(
        self,
        count: int = 1000,
        targets: list[Target] | None = None,
        *,
        name: str = "interior",
        instances: tuple[int, int] | None = None,
        where: Where | None = None,
        share: float = 1.0,
    ) -> None:
        if count < 1 or not 0 < share <= 1:
            raise ValueError(f"count={count}, share={share}: at least one point, above 0 up to 1")
        self.count = count
        self.targets = list(targets or [])
        self.name = name
        self.instances = instances
        self.where = dict(where or {})
        self.share = share

    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """As in Part."""
        found = torch.empty(0, len(equation.coordinates), dtype=torch.float64)
        while len(found) < self.count:
            drawn = uniform(self.count, bounds(equation, {}), rng)
            found = torch.cat([found, drawn[equation.inside(drawn)]])
        found = found[: self.count]
        low, high = bounds(equation, self.where).unbind(1)
        found = found[((found >= low) & (found <= high)).all(1)]
        if self.share == 1:
            return found
        kept = torch.randperm(len(found), generator=rng)[: math.ceil(self.share * len(found))]
        return found[kept.sort().values]

    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Part."""
        return gathered(self.targets, equation, x, rng)
