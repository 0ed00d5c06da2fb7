import zlib
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from zoo.data.targets.target import Target
from zoo.pde.points.equation import PointEquation

Where = dict[str, tuple[float, float] | list[float]]
"""Narrower intervals of some coordinates, by name; lists, as JSON has them, will do."""


class Part(ABC):
    """Points of one kind, with what is known there: one entry of a batch.

    Args:
        name: under which the batch holds it, and objectives find it.
        instances: which training instances of the parameters, first and last plus one; all of
            them if left out.
        where: narrower intervals of some coordinates.
    """

    name: str
    instances: tuple[int, int] | None
    where: Where
    opens: ClassVar[bool] = False
    """Whether NaN may stand for outputs and derivatives that are not known, at all points alike."""

    def check(self, equation: PointEquation) -> None:
        """Refuse an equation that the part makes no sense for; called when data are put together.

        Raises:
            ValueError: `where` names no coordinate or leaves the region, or there are no instances
                to choose from.
        """
        bounds(equation, self.where)
        if self.instances is not None and not equation.parameters:
            raise ValueError(
                f"part {self.name!r}: instances={list(self.instances)}, but {equation.name} has no "
                "parameters; leave them out"
            )

    @abstractmethod
    def points(self, equation: PointEquation, rng: torch.Generator) -> Tensor:
        """Coordinates (n, d), float64."""

    @abstractmethod
    def known(self, equation: PointEquation, x: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """What is known at points (n, D): `y` (n, c), `dy` (n, c, d), `ddy` (n, c, d, d), ..."""

    def draw(self, equation: PointEquation, instances: Tensor, seed: int) -> dict[str, Tensor]:
        """Points of every instance (k, P) of the parameters, and what is known there, in float64.

        Parts of one kind draw equal numbers from equal seeds, whatever their names; parts of
        different kinds do not, and noise differs by name.

        Raises:
            ValueError: no point is left, or a target is not finite.
        """
        first, last = self.instances or (0, len(instances))
        if not 0 <= first < last <= len(instances):
            raise ValueError(
                f"part {self.name!r}: instances={[first, last]} of {len(instances)} training "
                "instances; name a first and a last plus one among them"
            )
        points = self.points(equation, generator(seed, type(self).__name__))
        if not len(points):
            raise ValueError(
                f"part {self.name!r} holds no point; raise its count or widen where={self.where}"
            )
        x = across(points, instances[first:last])
        known = self.known(equation, x, generator(seed, f"known {self.name}"))
        for key, value in known.items():
            if not bool(value.isfinite().all()) and not (self.opens and _open(value)):
                count = int((~value.isfinite()).sum())
                raise ValueError(
                    f"part {self.name!r}: {count} of {value.numel()} numbers of the target "
                    f"{key!r} are not finite; look at where they come from"
                )
        return {"x": x, **known}


def _open(value: Tensor) -> bool:
    """Whether what is not finite is NaN in some columns, for every point alike."""
    missing = value.isnan()
    alike = bool((missing == missing[:1]).all()) and not bool(missing.all())
    return alike and bool((value.isfinite() | missing).all())


def generator(seed: int, word: str) -> torch.Generator:
    """A stream of random numbers of its own for each seed and word."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {word}".encode()))


def across(points: Tensor, instances: Tensor) -> Tensor:
    """Every point with every instance of the parameters: (k n, d + P)."""
    k, n = len(instances), len(points)
    return torch.cat([points.repeat(k, 1), instances.repeat_interleave(n, 0)], 1)


def bounds(equation: PointEquation, where: Where) -> Tensor:
    """Intervals of the coordinates (d, 2), float64, narrowed by `where`.

    Raises:
        ValueError: a name is no coordinate, or an interval leaves the region.
    """
    known = {name: tuple(map(float, equation.region[name])) for name in equation.coordinates}
    for name, pair in where.items():
        if name not in known:
            kind = "a parameter" if name in equation.parameters else "unknown"
            raise ValueError(
                f"where.{name} is {kind}; {equation.name} has the coordinates "
                f"{equation.coordinates}"
            )
        low, high = map(float, pair)
        if not known[name][0] <= low < high <= known[name][1]:
            raise ValueError(
                f"where.{name}={[low, high]} must be an interval in {list(known[name])}, the "
                f"region of {equation.name}"
            )
        known[name] = (low, high)
    return torch.tensor([known[name] for name in equation.coordinates], dtype=torch.float64)


def uniform(count: int, intervals: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform points of a box, (count, d)."""
    low, high = intervals.unbind(1)
    return low + (high - low) * torch.rand(
        count, len(intervals), dtype=torch.float64, generator=rng
    )


def gathered(
    targets: list[Target], equation: PointEquation, x: Tensor, rng: torch.Generator
) -> dict[str, Tensor]:
    """What several targets give, each key by one of them alone."""
    found: dict[str, Tensor] = {}
    for target in targets:
        for key, value in target(equation, x, rng).items():
            if key in found:
                raise ValueError(f"two targets give {key!r}; narrow the orders of one of them")
            found[key] = value
    return found
