"""Gates of a report: bounds on figures, or on ratios of figures, that a claim must pass."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.reading import Mistake, near
from zoo.stages import Result

SEED = ("seed", "seed_everything")
FAILS = "FAILS"
"""How the line of a gate begins that must hold and does not."""
Keys = dict[str, str]


@dataclass(frozen=True)
class Gate:
    """A bound on the ratio of one figure of two kinds of runs, on every seed or in the mean.

    Args:
        text: the claim.
        top: matrix keys (their last word) or `stage`, and values, of the runs above the line.
        bottom: of those below it; left out, the figure itself is bounded.
        figure: what is compared.
        bottom_figure: another figure below the line; the same if left out.
        high: the ratio's upper bound.
        low: its lower bound.
        mean: compare means over seeds, instead of demanding it of every seed.
        gate: whether it must hold; else it is only told.
    """

    text: str
    top: Keys = field(default_factory=dict)
    bottom: Keys | None = None
    figure: str = "test/relative_l2"
    bottom_figure: str | None = None
    high: float = math.inf
    low: float = -math.inf
    mean: bool = False
    gate: bool = True

    def ratios(self, runs: Sequence["Row"]) -> list[float]:
        """The ratio of each run above the line to the one below that shares its other keys."""
        if self.bottom is None:
            return self._alone(runs)
        other = self.bottom_figure or self.figure
        free = {*self.top, *self.bottom}
        found = []
        for a in fitting(runs, self.top):
            rest = {key: value for key, value in a.keys.items() if key not in free}
            below = [
                b
                for b in fitting(runs, self.bottom)
                if all(b.keys.get(key, value) == value for key, value in rest.items())
            ]
            found += [(a.figure(self.figure), b.figure(other)) for b in below]
        pairs = [(a, b) for a, b in found if a is not None and b is not None]
        if self.mean and pairs:
            return [statistics.mean(a for a, _ in pairs) / statistics.mean(b for _, b in pairs)]
        return [a / b for a, b in pairs]

    def _alone(self, runs: Sequence["Row"]) -> list[float]:
        values = [run.figure(self.figure) for run in fitting(runs, self.top)]
        known = [value for value in values if value is not None]
        return [statistics.mean(known)] if self.mean and known else known

    def verdict(self, runs: Sequence["Row"]) -> list[str]:
        """Verdict, claim, bound and ratios, for a row of a table."""
        found = self.ratios(runs)
        bounds = [f">= {self.low:g}"] if self.low > -math.inf else []
        bounds += [f"<= {self.high:g}"] if self.high < math.inf else []
        told = "-"
        word = "not run"
        if found:
            holds = all(self.low <= value <= self.high for value in found)
            word = ("holds" if holds else FAILS) if self.gate else ("yes" if holds else "no")
            told = f"{min(found):.3g} to {max(found):.3g} ({len(found)})"
            told = f"{found[0]:.3g}" if len(found) == 1 else told
        every = "mean" if self.mean else "every run"
        return [word, self.text, f"{' and '.join(bounds)}, {every}", told]


@dataclass(frozen=True)
class Row:
    """One run: its matrix keys by their last word, and its figures."""

    keys: Keys
    known: dict[str, float]
    result: Result

    def figure(self, name: str) -> float | None:
        """A figure, or None where it was not measured."""
        return self.known.get(name)

    @property
    def label(self) -> str:
        """The keys without the seed and, where there is one stage alone, without it."""
        return ", ".join(v for k, v in self.keys.items() if k not in SEED)


def gate(described: Mapping[str, Any]) -> Gate:
    """A gate as a recipe describes it.

    Raises:
        Mistake: a key that gates have not, with the nearest one.
    """
    known = Gate.__dataclass_fields__
    for key in described:
        if key not in known:
            raise Mistake(f"report.gates: no key {key!r}{near(key, known, 'did you mean')}")
    texts = {
        key: {k: str(v) for k, v in item.items()}
        for key, item in described.items()
        if key in ("top", "bottom") and item is not None
    }
    return Gate(**{**described, **texts})


def fitting(runs: Sequence[Row], keys: Mapping[str, str]) -> list[Row]:
    """The runs that have these keys."""
    return [r for r in runs if all(r.keys.get(k) == str(v) for k, v in keys.items())]
