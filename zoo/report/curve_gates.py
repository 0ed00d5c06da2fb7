"""Gates on how far learned curves are from the reference's.

A gate applies to the difference less two of its standard errors, and that standard error must be at
most a third of the gate: what is not measured sharply does not hold.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from zoo.curves import Shape
from zoo.reading import Mistake, near
from zoo.report.deviations import (
    CROSSING,
    FIGURES,
    KAUFMAN,
    KINDS,
    OBSERVABLES,
    Deviation,
    Measured,
    lattice,
    off_critical,
)
from zoo.report.gate import FAILS, Keys

SHARP = 3.0
"""How many of its standard errors a gate must at least be wide."""


@dataclass(frozen=True)
class CurveGate:
    """A bound on how far curves are from the reference's, on every run or in the mean.

    Args:
        figure: an observable, alone or with _mean, _relative, _relative_mean or _peak; kaufman;
            crossing, of all lattices of the gate together.
        high: the bound; of peaks in steps of temperature.
        text: the claim.
        shapes: the lattices; all of the report if left out.
        run: matrix keys (their last word) or `stage`, and values, of the runs; all if left out.
        mean: of the runs, instead of demanding it of every one.
        gate: whether it must hold; else it is only told.
    """

    figure: str
    high: float
    text: str = ""
    shapes: tuple[Shape, ...] = ()
    run: Keys = field(default_factory=dict)
    mean: bool = False
    gate: bool = True

    def __post_init__(self) -> None:
        """Refuse a figure that is none."""
        if self.figure not in FIGURES:
            raise Mistake(
                f"report.gates: no figure {self.figure!r}"
                f"{near(self.figure, FIGURES, 'did you mean')}; an observable of {OBSERVABLES}, "
                f"alone or with one of {KINDS[1:]}, {KAUFMAN!r} or {CROSSING!r}"
            )

    def deviations(self, runs: Sequence[Measured]) -> list[Deviation]:
        """Of each run and lattice, or of each run."""
        mine = [
            one
            for one in runs
            if all(one.keys.get(k) == v for k, v in self.run.items())
            and (not self.shapes or one.shape in self.shapes)
        ]
        if self.figure == CROSSING:
            groups: dict[str, list[Measured]] = {}
            for one in mine:
                groups.setdefault(str(one.keys), []).append(one)
            found = [off_critical(group) for group in groups.values()]
        else:
            found = [one.deviation(self.figure) for one in mine]
        told = [one for one in found if one is not None]
        if not self.mean or not told:
            return told
        value, least = (statistics.mean(one[i] for one in told) for i in (0, 1))
        return [Deviation(value, least, math.hypot(*(one.error for one in told)) / len(told))]

    def verdict(self, runs: Sequence[Measured]) -> list[str]:
        """Verdict, claim, bound and what was measured, for a row of a table."""
        found = self.deviations(runs)
        where = ", ".join(map(lattice, self.shapes))
        text = self.text or f"{self.figure.replace('_', ' ')}{f' at {where}' if where else ''}"
        bound = f"<= {self.high:g}, {'mean' if self.mean else 'every run'}"
        if not found:
            return ["not run", text, bound, "-"]
        error = max(one.error for one in found)
        sharp = SHARP * error <= self.high
        holds = sharp and max(one.least for one in found) <= self.high * (1 + 1e-9)
        word = ("holds" if holds else FAILS) if self.gate else ("yes" if holds else "no")
        values = sorted(one.value for one in found)
        told = f"{values[0]:.3g} to {values[-1]:.3g} ({len(values)})"
        told = f"{values[0]:.3g}" if len(values) == 1 else told
        if error:
            told += f", s.e. {error:.2g}"
        return [word, text, bound, told + ("" if sharp else ": above a third of the gate")]
