"""How far learned curves are from the reference's."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from zoo.curves import Curve, Shape, beside_kaufman
from zoo.models.base import block
from zoo.report.gate import SEED, Keys
from zoo.spin.critical import critical_temperature
from zoo.spin.crossing import crossing
from zoo.spin.energy import Energy

OBSERVABLES = (
    *("magnetisation", "energy", "heat_capacity", "susceptibility"),
    *("binder", "free_energy", "entropy"),
)
KINDS = ("", "_mean", "_relative", "_relative_mean", "_peak")
KAUFMAN, CROSSING = "kaufman", "crossing"
FIGURES = (*(one + kind for one in OBSERVABLES for kind in KINDS), KAUFMAN, CROSSING)


class Deviation(NamedTuple):
    """A difference from the reference: itself, less two standard errors, and the error."""

    value: float
    least: float
    error: float


@dataclass(frozen=True)
class Measured:
    """Curves of one run on one lattice, and the reference's.

    Args:
        keys: the run, by stage and matrix.
        shape: of the lattice.
        learned: of the run.
        true: of the reference.
        system: the true energy.
    """

    keys: Keys
    shape: Shape
    learned: Curve
    true: Curve
    system: Energy

    @property
    def label(self) -> str:
        """The stage, and the keys without the seed."""
        return ", ".join(v for k, v in self.keys.items() if k not in SEED)

    @property
    def reference(self) -> str:
        """What tells its reference from those of other energies and lattices."""
        return json.dumps([block(self.system), self.shape])

    @property
    def lattice(self) -> str:
        """The shape as a word, such as 16x16."""
        return lattice(self.shape)

    def deviation(self, figure: str) -> Deviation | None:
        """A figure of this lattice alone; None where one of the two curves has it not.

        `<observable>` is the largest difference over temperatures, `_mean` the mean, `_relative`
        by the reference's value, `_peak` how many temperatures lie between the two maxima, and
        `kaufman` how many standard errors the reference is from Kaufman's values.
        """
        if figure == KAUFMAN:
            gap = beside_kaufman(self.system, self.true, self.shape)
            return None if gap is None else Deviation(gap, gap, 0.0)
        name = next(one for one in OBSERVABLES if figure.startswith(one))
        if name not in self.learned.found or name not in self.true.found:
            return None
        ours, theirs = self.learned.found[name], self.true.found[name]
        if figure.endswith("_peak"):
            steps = float((ours.value.argmax() - theirs.value.argmax()).abs())
            return Deviation(steps, steps, 0.0)
        scale = theirs.value.abs() if "_relative" in figure else torch.ones_like(theirs.value)
        difference = (ours.value - theirs.value).abs() / scale
        error = (ours.error**2 + theirs.error**2).sqrt() / scale
        least = (difference - 2 * error).clamp(min=0)
        parts = (difference, least, error)
        if figure.endswith("_mean"):
            return Deviation(*(float(part.mean()) for part in parts))
        return Deviation(*(float(part.max()) for part in parts))

    def peak(self, name: str) -> tuple[float, float]:
        """The temperatures of the learned and the reference's maximum."""
        t = self.learned.temperatures
        pair = (self.learned, self.true)
        first, second = (float(t[one.found[name].value.argmax()]) for one in pair)
        return first, second


def crossings(sizes: Sequence[Measured]) -> list[tuple[float, float]]:
    """Where Binder's cumulants of each size and the next cross, with standard errors.

    Raises:
        ValueError: they do not, between the temperatures of the report.
    """
    rising = sorted(sizes, key=lambda one: math.prod(one.shape))
    return [
        crossing(a.learned.temperatures, a.learned.found["binder"], b.learned.found["binder"])
        for a, b in itertools.pairwise(rising)
    ]


def off_critical(sizes: Sequence[Measured]) -> Deviation | None:
    """The largest distance of the crossings from T_c of the infinite lattice, relative."""
    exact = critical_temperature(sizes[0].system)
    if exact is None or len(sizes) < 2:
        return None
    found = [(abs(t / exact - 1), error / exact) for t, error in crossings(sizes)]
    least = max(max(gap - 2 * error, 0.0) for gap, error in found)
    return Deviation(max(g for g, _ in found), least, max(e for _, e in found))


def references(runs: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Runs by what they are held against: `8x8`, or `<run>, 6x6` where energies differ."""
    groups: dict[str, list[Measured]] = {}
    for one in runs:
        groups.setdefault(one.reference, []).append(one)
    several = len(groups) > len({one.shape for one in runs})
    named: dict[str, list[Measured]] = {}
    for group in groups.values():
        first = group[0]
        title = f"{first.label}, {first.lattice}" if several else first.lattice
        named[title] = group
    return named


def lattice(shape: Shape) -> str:
    """A shape as a word, such as 16x16."""
    return "x".join(map(str, shape))
