"""Runs of a comparison as numbers: one figure by strategy, system, examples and seed."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.reading import Mistake
from zoo.recipe_labels import is_label
from zoo.stages import Result, figures

NONE = "none"
"""The row of the runs from scratch."""
Case = tuple[str, str, int]


@dataclass(frozen=True)
class Measured:
    """One run: what it was, and what its test found.

    Args:
        strategy: how it was pretrained; `none` from scratch.
        system: what it was fine-tuned on.
        examples: how many samples it saw.
        seed: of weights and draws.
        value: the figure; None where it was not measured.
        trivial: the best trivial predictor on the same test data; None if the test told none.
        result: the run itself.
    """

    strategy: str
    system: str
    examples: int
    seed: int
    value: float | None
    trivial: float | None
    result: Result

    @property
    def rate(self) -> str:
        """The learning rate that the selection chose, else that of the matrix; empty without."""
        points = (self.result.chosen, self.result.point)
        words = [(w, item) for point in points for key, item in point.items() for w in key.split()]
        return next((str(item) for w, item in words if w.rpartition(".")[2] == "lr"), "")

    @property
    def seconds(self) -> float | None:
        """What the training took, as the release states it."""
        path = self.result.release / "metrics.json"
        entries = json.loads(path.read_text()) if path.is_file() else []
        told = [entry["seconds"] for entry in entries if entry.get("seconds") is not None]
        return max(told, default=None)


def seed(point: Mapping[str, Any]) -> int:
    """The seed of a point of the matrix; 0 where the matrix holds none."""
    told = [v for key, v in point.items() if "seed_everything" in key.split()]
    return int(told[0]) if told else 0


def trivial(folder: Path, figure: str) -> float | None:
    """The best trivial predictor's score, as the run's test states it."""
    path = folder / "test.json"
    entries = json.loads(path.read_text()) if path.is_file() else []
    return next((one.get("trivial") for one in entries if one["name"] == figure), None)


def value(folder: Path, figure: str) -> float | None:
    """The figure of a run; None where it was not measured."""
    return figures(folder).get(figure)


class Grid:
    """Values by (strategy, system, examples) and seed, and their ratios to none.

    A ratio is the mean over seeds divided by the mean over seeds from scratch, both over the seeds
    that the two have in common; its spread is the standard deviation of the ratios seed by seed.
    What was not run is None.

    Raises:
        Mistake: two runs differ in nothing that the comparison tells apart.
    """

    def __init__(self, runs: Iterable[Measured]) -> None:
        self.values: dict[Case, dict[int, float]] = {}
        for run in runs:
            found = self.values.setdefault((run.strategy, run.system, run.examples), {})
            if run.seed in found:
                raise Mistake(
                    f"report: two runs of {run.strategy} on {run.system} with {run.examples} "
                    f"examples and seed {run.seed}; let the stage select one of them"
                )
            if run.value is not None:
                found[run.seed] = run.value
        self.examples = sorted({case[2] for case in self.values})
        self.strategies = [s for s in dict.fromkeys(case[0] for case in self.values) if s != NONE]

    def systems(self, examples: int, among: Sequence[str]) -> list[str]:
        """Those of the systems that the chain has runs of with so many examples."""
        return [one for one in among if any(c[1:] == (one, examples) for c in self.values)]

    def pairs(self, case: Case) -> dict[int, tuple[float, float]]:
        """Value and value from scratch of each seed that both have."""
        mine = self.values.get(case, {})
        base = self.values.get((NONE, *case[1:]), {})
        return {s: (mine[s], base[s]) for s in sorted(mine) if s in base}

    def ratio(self, case: Case) -> float | None:
        """Mean over mean, over common seeds."""
        pairs = self.pairs(case).values()
        return sum(a for a, _ in pairs) / sum(b for _, b in pairs) if pairs else None

    def ratios(self, case: Case) -> list[float]:
        """The ratio of every common seed."""
        return [a / b for a, b in self.pairs(case).values()]

    def mean(self, strategy: str, systems: Sequence[str], examples: int) -> float | None:
        """The mean ratio over these systems; None unless every one of them has one."""
        found = [self.ratio((strategy, one, examples)) for one in systems]
        told = [ratio for ratio in found if ratio is not None]
        return statistics.mean(told) if told and len(told) == len(found) else None

    def spread(self, strategy: str, systems: Sequence[str], examples: int) -> float | None:
        """The standard deviation over seeds of that seed's mean ratio over these systems."""
        pairs = [self.pairs((strategy, one, examples)) for one in systems]
        common = set.intersection(*(set(one) for one in pairs)) if pairs else set()
        means = [statistics.mean(one[s][0] / one[s][1] for one in pairs) for s in sorted(common)]
        return deviation(means)


def deviation(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample; None of fewer than two."""
    if len(values) < 2:
        return None
    # statistics.stdev refuses what is no number
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan


def known_labels(results: Iterable[Result]) -> list[str]:
    """Labels and other keys that these results are told apart by, labels first."""
    words = {w for one in results for key in one.point for w in key.split()}
    return sorted(words, key=lambda w: (not is_label(w), w))
