from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.data.points.part import Where
from zoo.pde.points.equation import PointEquation


@dataclass(frozen=True)
class Instances:
    """Values of an equation's parameters: some to train on, others to be tested on.

    Args:
        train: how many are drawn for training.
        validation: how many more for validation.
        test: how many more for testing; or the values themselves, one list for each instance.
        seed: of the draw.
        seen: test on these training instances instead, first and last plus one: how much of them
            a later stage has kept.
        among: narrower intervals of some parameters, by name, for equal shares of the training
            instances in their order: what one stage learns beside what another one does.
    """

    train: int = 1
    validation: int = 1
    test: int | list[list[float]] = 1
    seed: int = 0
    seen: tuple[int, int] | None = None
    among: list[Where] | None = None

    def __post_init__(self) -> None:
        """Refuse splits without any."""
        test = self.test if isinstance(self.test, int) else len(self.test)
        if min(self.train, self.validation, test) < 1:
            raise ValueError(
                f"instances: train={self.train}, validation={self.validation}, test={test}; at "
                "least one of each"
            )
        if len(self.among or []) > self.train:
            raise ValueError(
                f"instances.among: {len(self.among or [])} shares of train={self.train}; at least "
                "one training instance for each"
            )

    def draw(self, equation: PointEquation) -> dict[str, Tensor]:
        """Parameters (k, P) of each split, float64.

        Raises:
            ValueError: a test value has the wrong length or lies outside the region, as does an
                interval in `among`, or there are many instances of an equation without parameters.
        """
        if not equation.parameters and (self.train, self.validation, self.test) != (1, 1, 1):
            raise ValueError(
                f"{equation.name} has no parameters, so it has one instance; leave instances out"
            )
        drawn = self.test if isinstance(self.test, int) else 0
        counts = [self.train, self.validation, drawn]
        rng = torch.Generator().manual_seed(self.seed)
        values = equation.draw_parameters(sum(counts), rng)
        train, validation, test = values.split(counts)
        if self.among:
            shares = train.tensor_split(len(self.among))
            moved = [_moved(*one, equation) for one in zip(shares, self.among, strict=True)]
            train = torch.cat(moved)
        found = {"train": train, "validation": validation, "test": test}
        if not isinstance(self.test, int):
            found["test"] = _listed(self.test, equation)
        if self.seen is not None:
            first, last = self.seen
            if not 0 <= first < last <= self.train:
                raise ValueError(
                    f"instances.seen={[first, last]} of {self.train} training instances; name a "
                    "first and a last plus one among them"
                )
            found["test"] = train[first:last]
        return found


def _moved(values: Tensor, among: Where, equation: PointEquation) -> Tensor:
    """Values (k, P) of the whole region, squeezed into narrower intervals."""
    found = values.clone()
    for name, pair in among.items():
        low, high = map(float, pair)
        a, b = equation.region[name] if name in equation.parameters else (low, low)
        if not a <= low < high <= b:
            ranges = {name: list(equation.region[name]) for name in equation.parameters}
            raise ValueError(
                f"instances.among: {name}={[low, high]} must be an interval of a parameter in "
                f"{ranges}"
            )
        column = equation.parameters.index(name)
        found[:, column] = low + (values[:, column] - a) * (high - low) / (b - a)
    return found


def _listed(values: list[list[float]], equation: PointEquation) -> Tensor:
    for one in values:
        inside = len(one) == len(equation.parameters) and all(
            equation.region[name][0] <= item <= equation.region[name][1]
            for name, item in zip(equation.parameters, one, strict=True)
        )
        if not inside:
            ranges = {name: list(equation.region[name]) for name in equation.parameters}
            raise ValueError(f"instances.test: {one} must hold one number in each of {ranges}")
    return torch.tensor(values, dtype=torch.float64).view(-1, len(equation.parameters))
