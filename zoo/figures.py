"""Measured figures as a release keeps them: value, baselines, and what measures them again."""

from typing import Any

from zoo.data.points.point_data import PointData
from zoo.data.spins.spin_data import SpinData
from zoo.metrics.base import PerSystem
from zoo.metrics.frame_metric import FrameMetric
from zoo.metrics.lattice_metric import LatticeMetric
from zoo.metrics.points import PointMetric
from zoo.metrics.trivial import best, trivial
from zoo.models.base import block

TOLERANCE = 0.02
"""Relative change that a re-measured figure may show: float32 sums differ between machines."""


def figures(
    data: Any,
    split: str,
    values: dict[str, float],
    metric: PerSystem,
    seed: int,
    seconds: float | None = None,
) -> list[dict[str, Any]]:
    """Entries of metrics.json for one split.

    Args:
        data: the data module that was measured on.
        split: validation or test.
        values: figures by name, `<system>/<title>` or `<title>`.
        metric: what measured them.
        seed: the seed of the training.
        seconds: what the training took.
    """
    scores = trivials(data, split, metric.title) if _has_trivials(metric) else {}
    described = block(data.measuring() if isinstance(data, PointData) else data)
    entries = []
    for name, value in values.items():
        system, _, _ = name.rpartition("/")
        # a figure of a part of a system, such as omega=3, has no trivial predictor of its own
        part = "/" in system
        # fields are scored over all regions together under "", others by the mean over systems
        own = [system] if system or "" in scores else list(scores)
        known = [scores[s] for s in own if s in scores]
        if isinstance(metric, LatticeMetric) and name != metric.title:
            known = []  # what stands beside the figure, such as its error
        # without training samples only the zero predictor is left, whose relative error is 1
        lowest = [best(score)[1] for score in known]
        if not lowest and not isinstance(metric, PointMetric | LatticeMetric | FrameMetric):
            lowest = [1.0]
        entries.append(
            {
                "name": f"{split}/{name}",
                "value": value,
                "unit": "1",
                "tolerance": TOLERANCE * abs(value),
                "n": metric.seen.get(name),
                "seeds": [seed],
                "trivial": None if part or not lowest else sum(lowest) / len(lowest),
                "trivials": None if part or not known else _together(known),
                "data": {**described, "split": split},
                "metric": block(metric),
                "seconds": seconds,
                "remeasure": split == "test",
            }
        )
    return entries


def trivials(data: Any, split: str, figure: str) -> dict[str, dict[str, float]]:
    """A figure of the trivial predictors, by system and name."""
    if isinstance(data, PointData | SpinData):
        return data.trivials(split, figure)
    union = list(data.coefficients)
    pairs = zip(data.sets, data.split("train"), data.split(split), strict=True)
    return {
        item.name: trivial(item, train, test, [union.index(name) for name in item.coefficients])
        for item, train, test in pairs
        if len(test) and (len(train) or item.dt is not None)
    }


def _together(known: list[dict[str, float]]) -> dict[str, float]:
    """Means over systems of what predictors score that all of them have."""
    shared = [name for name in known[0] if all(name in one for one in known)]
    return {name: sum(one[name] for one in known) / len(known) for name in shared}


def _has_trivials(metric: PerSystem) -> bool:
    """Whether the trivial predictors are measured by this figure."""
    # those of fields are told in relative L2 alone
    return not isinstance(metric, PointMetric | FrameMetric) or getattr(metric, "trivial", False)


def pretext_figures(
    data: Any, values: dict[str, float], seed: int, seconds: float
) -> list[dict[str, Any]]:
    """Entries of metrics.json for a pretext task's own terms on the validation set."""
    count = sum(len(part) for part in data.split("validation"))
    return [
        {
            "name": f"validation/{name}",
            "value": value,
            "unit": "1",
            "tolerance": TOLERANCE * abs(value),
            "n": count,
            "seeds": [seed],
            "data": None,
            "metric": None,
            "seconds": seconds,
            "remeasure": False,
        }
        for name, value in values.items()
    ]
