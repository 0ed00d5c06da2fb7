import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.data.points.lattice import lattice
from zoo.data.points.part import Where, across, bounds
from zoo.pde.points.equation import PointEquation

ROWS = 10_000
BEST: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = {
    "relative_l1": (1, lambda y: y.median(0).values),
    "relative_l2": (2, lambda y: y.mean(0)),
}
"""By figure: the order of its norm, and the constant that is best in it."""


@dataclass(frozen=True)
class Evaluation:
    """Where the truth is compared: a lattice over the whole region, for each instance.

    In high dimension a lattice has too many points; `Sampled` stands in its place there.

    Validation has about half as many points along each coordinate, so many that it shares next to
    none with the test.

    Args:
        points_per_side: of the test's lattice, ends included: one number, or one by coordinate.
        regions: parts of the region in which errors are measured apart, by name: intervals of some
            coordinates. A point belongs to the first that holds it; what none holds is "rest".
        derivatives: whether the true gradients are there too.
    """

    points_per_side: int | dict[str, int] = 101
    regions: dict[str, Where] = field(default_factory=dict)
    derivatives: bool = True

    def check(self, equation: PointEquation) -> None:
        """Refuse what the equation's region does not hold.

        Raises:
            ValueError: a count or a region names no coordinate, or a region lies outside.
        """
        given = self.points_per_side
        if not isinstance(given, int) and set(given) != set(equation.coordinates):
            raise ValueError(
                f"evaluation.points_per_side={given}: one number, or one for each of the "
                f"coordinates {equation.coordinates}"
            )
        if min([given] if isinstance(given, int) else given.values()) < 2:
            raise ValueError(f"evaluation.points_per_side={given}: at least 2 along a side")
        if "rest" in self.regions:
            raise ValueError("evaluation.regions: 'rest' is what no region holds; rename it")
        for where in self.regions.values():
            bounds(equation, where)

    def names(self, equation: PointEquation) -> list[str]:
        """Names of the regions; the equation's name where there are none."""
        return [*self.regions, "rest"] if self.regions else [equation.name]

    def points(self, equation: PointEquation, split: str) -> tuple[Tensor, float]:
        """The lattice's coordinates (n, d), and the volume of its cells."""
        given = self.points_per_side
        counts = [given if isinstance(given, int) else given[n] for n in equation.coordinates]
        if split == "validation":
            # n - 1 and n // 2 + 1 intervals have next to no common divisor
            counts = [count // 2 + 2 for count in counts]
        box = bounds(equation, {})
        cells = [(b - a) / (n - 1) for (a, b), n in zip(box.tolist(), counts, strict=True)]
        found = lattice(box, counts)
        return found[equation.inside(found)], math.prod(cells)

    def labels(self, equation: PointEquation, points: Tensor) -> Tensor:
        """The number of the region that holds each point, (n,)."""
        found = torch.full((len(points),), len(self.regions), dtype=torch.long)
        for number, where in reversed(list(enumerate(self.regions.values()))):
            low, high = bounds(equation, where).unbind(1)
            # a lattice meets its own bounds up to round-off alone
            slack = 1e-9 * (high - low)
            low, high = low - slack, high + slack
            found[((points >= low) & (points <= high)).all(1)] = number
        return found

    def batches(
        self, equation: PointEquation, instances: Tensor, split: str
    ) -> Iterator[dict[str, Any]]:
        """Points with the truth, in batches; `instance` and `system` tell where each belongs."""
        points, cell = self.points(equation, split)
        labels = self.labels(equation, points)
        for number in range(len(instances)):
            x = across(points, instances[number : number + 1])
            for rows, systems in zip(x.split(ROWS), labels.split(ROWS), strict=True):
                yield {
                    "x": rows,
                    **truth(equation, rows, self.derivatives),
                    "system": systems,
                    "instance": number,
                    "instances": len(instances),
                    "cell": cell,
                    "equation": equation,
                }

    def trivials(
        self,
        equation: PointEquation,
        instances: Tensor,
        split: str,
        figure: str = "relative_l2",
    ) -> dict[str, dict[str, float]]:
        """Mean over instances of ‖c - u‖ / ‖u‖ with c zero or the best constant.

        By region, and under "" over all of them together. Other figures than the relative L1 and
        L2 errors of values have none here.
        """
        if equation.closed or figure not in BEST:
            return {}
        order, best = BEST[figure]
        points, _ = self.points(equation, split)
        labels, names = self.labels(equation, points), self.names(equation)
        found: dict[str, dict[str, float]] = {}
        truths = [equation.solution(across(points, one[None])) for one in instances]
        every = torch.ones_like(labels, dtype=torch.bool)
        masks = {**{name: labels == i for i, name in enumerate(names)}, "": every}
        for name, mask in masks.items():
            own = [truth[mask] for truth in truths]
            if len(own[0]):
                ratios = [(y - best(y)).norm(order) / y.norm(order).clamp_min(1e-300) for y in own]
                found[name] = {"zero": 1.0, "constant": float(torch.stack(ratios).mean())}
        return found


def truth(equation: PointEquation, x: Tensor, derivatives: bool) -> dict[str, Tensor]:
    """Values, and gradients where they are wanted; nothing where there is no solution."""
    if equation.closed:
        return {}
    with torch.no_grad():
        jet = equation.jet(x)
        return {"y": jet.value, "dy": jet.gradient} if derivatives else {"y": jet.value}
