from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from zoo.data.points.evaluation import ROWS, truth
from zoo.data.points.part import across, generator
from zoo.data.points.predictors import Scores, scores
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.trivial import best_of_time

NUMBERS = 1_000_000
"""Coordinates in a batch at most, so that a gradient in a thousand of them fits in memory."""


class Sampled:
    """Where the truth is compared in high dimension: points drawn by the equation's own law.

    Norms that are not relative are means over that law. Points do not depend on the training's
    seed, and those of validation and test are apart.

    Args:
        count: points, for each instance of the equation's parameters.
        derivatives: whether the true gradients are there too.
        seed: of the draw.
    """

    def __init__(self, count: int = 10_000, *, derivatives: bool = True, seed: int = 0) -> None:
        if count < 2:
            raise ValueError(f"evaluation.count={count}: at least 2 points")
        self.count = count
        self.derivatives = derivatives
        self.seed = seed
        self._scores: dict[tuple[PointEquation, str], list[Scores]] = {}

    def check(self, equation: PointEquation) -> None:
        """As in Evaluation: every equation draws points."""

    def names(self, equation: PointEquation) -> list[str]:
        """The equation's name."""
        return [equation.name]

    def points(self, equation: PointEquation, split: str) -> tuple[Tensor, float]:
        """Coordinates (n, d), and each point's share of the law."""
        drawn = equation.draw(self.count, generator(self.seed, f"evaluation {split}"))
        return drawn[:, : len(equation.coordinates)], 1 / self.count

    def batches(
        self, equation: PointEquation, instances: Tensor, split: str
    ) -> Iterator[dict[str, Any]]:
        """As in Evaluation; `of_time` is the best function of time, or constant if steady."""
        points, cell = self.points(equation, split)
        size = max(1, min(ROWS, NUMBERS // points.shape[1]))
        for number in range(len(instances)):
            pieces = across(points, instances[number : number + 1]).split(size)
            known = [truth(equation, x, self.derivatives) for x in pieces]
            level = None if equation.closed else torch.cat([one["y"] for one in known]).mean(0)
            for x, one in zip(pieces, known, strict=True):
                yield {
                    "x": x,
                    **one,
                    **({} if level is None else {"of_time": of_time(equation, x, level)}),
                    "system": torch.zeros(len(x), dtype=torch.long),
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
        """A figure of every predictor that learns nothing, by region and name; see `scores`."""
        if equation.closed:
            return {}
        key = (equation, split)
        if key not in self._scores:
            points, _ = self.points(equation, split)
            each = [across(points, one[None]) for one in instances]
            self._scores[key] = [scores(equation, x, self.derivatives, self.seed) for x in each]
        each = [one.get(figure, {}) for one in self._scores[key]]
        mean = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
        return dict.fromkeys((equation.name, ""), mean) if mean else {}


def of_time(equation: PointEquation, x: Tensor, level: Tensor) -> Tensor:
    """The best function of time alone at points, or a steady problem's `level`, (n, c)."""
    if equation.time is None:
        return level.expand(len(x), -1)
    return best_of_time(equation, x)
