"""Means of metrics as plain numbers, and what a reader of them must know."""

import math
from typing import Any

from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric

WRONG_LAW = 0.05
"""A truth with a greater residual than this does not solve the equation."""


def figures(meters: dict[str, list[FrameMetric]], units: dict[str, str]) -> dict[str, Any]:
    """Means over samples by title and predictor, as in Scorecard.

    Args:
        meters: what was measured of each predictor.
        units: of the channels by name.
    """
    found: dict[str, Any] = {}
    for name, each in meters.items():
        for meter in each:
            means = meter.means()[0]
            for k, title in enumerate(meter.titles):
                shared = list(dict.fromkeys(units.values())) if meter.dimensional else ["1"]
                unit = shared[0] if len(shared) == 1 else ""
                entry = found.setdefault(title, {"unit": unit, "predictors": {}})
                if meter.dimensional and len(units) > 1:
                    entry["units"] = dict(units)
                entry["predictors"][name] = _told(means[..., k], list(units), bool(unit))
    return found


def _told(means: Tensor, channels: list[str], together: bool) -> dict[str, Any]:
    """One figure of one predictor; channels of several units have no mean over them."""
    told: dict[str, Any] = {"mean": None, "by_step": [None] * len(means)}
    if together:
        told = {"mean": _mean(means), "by_step": [_mean(row) for row in means]}
    if len(channels) > 1:
        told["by_channel"] = {
            channel: {"mean": _mean(means[:, j]), "by_step": [_mean(v) for v in means[:, j]]}
            for j, channel in enumerate(channels)
        }
    return told


def _mean(values: Tensor) -> float | None:
    """Over what is defined: NaN stands for the undefined, and an error that is not finite is none.

    A diverged rollout gives infinity or NaN; both are None here, and a note says from which step.
    """
    value = float(values.nanmean())
    return value if math.isfinite(value) else None


def notes(figures: dict[str, Any]) -> list[str]:
    """What a reader must know of the figures, a sentence each.

    Args:
        figures: as in Scorecard.
    """
    found = []
    for name, told in figures["nrmse"]["predictors"].items():
        steps = [k + 1 for k, value in enumerate(told["by_step"]) if value is None]
        if steps:
            found.append(f"{name}: not finite, or undefined, from step {steps[0]} on.")
    residual = figures.get("residual", {}).get("predictors", {}).get("truth", {}).get("mean")
    if residual is not None and residual > WRONG_LAW:
        found.append(
            f"The file's own frames leave {residual:.1%} of their equation: it is another one, has "
            "other units, or the frames lie further apart than dt; residual and solver say little."
        )
    return found
