"""One quantity of every sample held against what a training has seen of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from torch import Tensor

from zoo.trust_measures import Spectrum, amplitudes, shares

BEYOND = 0.1
"""Of the trained range: a value is outside where it lies further beyond the range than this. Of a
few hundred samples the next one exceeds the extremes now and then, but not by so much."""
FACTOR, SHARE = 1.25, 2.0
"""An rms, and a share of energy, is outside where it is so many times beyond what was seen."""
FLOOR = 1e-6
"""A share of energy below this is taken for none: round-off of float32, or a tail of no weight."""
CLOSE = 1e-3
"""Of the trained interval: how far a coefficient may lie beyond it, which is known exactly."""


@dataclass(frozen=True)
class Outside:
    """One quantity of the input that lies outside of what the release was trained on.

    Args:
        what: the quantity, in words, with {} for its value.
        value: the input's, where it is furthest outside.
        least: of the training, on the nearest system.
        greatest: as least.
        score: how far outside, in units of what is tolerated: above 1.
        distance: how far outside, in words.
        sample: which one is furthest outside, counted from 0; None for what is no sample's.
        samples: how many are outside.
        system: the nearest one of the training.
    """

    what: str
    value: str
    least: str
    greatest: str
    score: float
    distance: str = ""
    sample: int | None = None
    samples: int = 0
    system: str = ""

    def __str__(self) -> str:
        where = "" if self.sample is None else f" in sample {self.sample}"
        many = f" (outside in {self.samples} samples)" if self.samples > 1 else ""
        between = "" if self.least == self.greatest else f" to {self.greatest}"
        near = f" ({self.system})" if self.system else ""
        away = f": {self.distance}" if self.distance else ""
        told = self.what.replace("{}", self.value)
        return f"{told}{where}{many}, trained on {self.least}{between}{near}{away}"


@dataclass(frozen=True)
class Row:
    """A quantity of every sample and the interval that the training has seen.

    Args:
        what: the quantity, in words, with {} for its value.
        values: of each sample.
        least: of the training.
        greatest: of the training.
        margin: how far beyond is tolerated: a part of the interval, or a factor.
        scale: whether distances are told in intervals or as factors.
        floor: values and limits below are taken for this; of factors only.
        share: whether values are shares, told in percent.
    """

    what: str
    values: np.ndarray
    least: float
    greatest: float
    margin: float
    scale: Literal["interval", "factor"]
    floor: float = 0.0
    share: bool = False

    def scores(self) -> np.ndarray:
        """How far each sample is outside in units of what is tolerated; 0 inside."""
        if self.scale == "interval":
            size = max(abs(self.least), abs(self.greatest))
            width = max(self.greatest - self.least, 1e-3 * size, 1e-30)
            beyond = np.maximum(self.least - self.values, self.values - self.greatest) / width
            return np.maximum(beyond, 0) / self.margin
        floor = max(self.floor, 1e-12 * self.greatest, 1e-30)
        values, least, greatest = (
            np.maximum(x, floor) for x in (self.values, self.least, self.greatest)
        )
        ratio = np.maximum(values / greatest, least / values)
        return np.maximum(np.log(ratio), 0) / math.log(self.margin)

    def at(self, sample: int) -> Outside:
        """What is told of one sample."""
        value, scores = float(self.values[sample]), self.scores()
        return Outside(
            self.what,
            *(self._told(x) for x in (value, self.least, self.greatest)),
            score=float(scores[sample]),
            distance=self._distance(value, float(scores[sample])),
        )

    def _told(self, value: float) -> str:
        if self.share:
            return f"{100 * value:.3g} %" if value > FLOOR else f"less than {100 * FLOOR:g} %"
        return f"{value:.4g}"

    def _distance(self, value: float, score: float) -> str:
        above = value > self.greatest
        if self.scale == "interval":
            if self.greatest == self.least:
                return ""
            return f"{score * self.margin:.2g} of that range {'above' if above else 'below'} it"
        factor = self.margin**score
        return f"{factor:.3g} times the greatest" if above else f"1/{factor:.3g} of the least"


def of_fields(
    u: Tensor, region: Mapping[str, Any], names: Sequence[str], spectrum: Spectrum, box: Any
) -> Iterator[Row]:
    """Amplitude and waves of each channel beside one system of the training.

    Args:
        u: (b, t, c, *n).
        region: of the system.
        names: of the channels.
        spectrum: of the training.
        box: side lengths of the input.
    """
    size, energy = amplitudes(u), spectrum.energy(u, box)
    for c, name in enumerate(names):
        seen = region["channels"].get(name)
        if seen is None:
            continue
        ends = (seen["least"], seen["greatest"], BEYOND)
        for key in ("least", "greatest"):
            yield Row(
                f"{name} has a {key} value of {{}}", size[key][:, c].numpy(), *ends, "interval"
            )
        low, high = seen["rms_of_samples"]
        rms = size["rms"][:, c].numpy()
        yield Row(f"{name} has an rms of {{}}", rms, low, high, FACTOR, "factor")
        share = shares(energy[:, c : c + 1], [band[:2] for band in seen["bands"]])[:, 0].numpy()
        for (first, last, low, high), values in zip(seen["bands"], share.T, strict=True):
            told = f"{name} has {{}} of its energy in {_waves(first, last, spectrum)}"
            yield Row(told, values, low, high, SHARE, "factor", FLOOR, True)


def _waves(first: int, last: int, spectrum: Spectrum) -> str:
    """A band of shells, in waves per longest side and in wave numbers."""
    beyond = last == spectrum.shells - 1
    low, high = (f"{(edge) * spectrum.step:.3g}" for edge in (first - 0.5, last + 0.5))
    if beyond:
        return f"waves {first} and beyond (k > {low})"
    count = f"wave {first}" if first == last else f"waves {first} to {last}"
    return f"{count} (k = {low} to {high})"


def of_coefficients(p: Mapping[str, np.ndarray], region: Mapping[str, Any]) -> Iterator[Row]:
    """Coefficients beside one system of the training.

    Args:
        p: values (b,) by name.
        region: of the system.
    """
    for name, values in p.items():
        if name in region["coefficients"]:
            low, high = region["coefficients"][name]
            yield Row(f"{name} is {{}}", values, low, high, CLOSE, "interval")


def nearest(systems: Mapping[str, Sequence[Row]], first: int) -> Iterator[Outside]:
    """What is outside, each sample beside the system to which it is nearest.

    Args:
        systems: rows by system, the same quantities in each.
        first: number of the first sample.
    """
    scores = {name: np.stack([row.scores() for row in rows]) for name, rows in systems.items()}
    names = list(systems)
    # a sample's distance from a system is that of its worst quantity; of equals the mean decides
    away = np.stack([(each.max(0) + 1e-3 * each.mean(0)) for each in scores.values()])
    chosen = away.argmin(0)
    for number in range(len(systems[names[0]])):
        own = np.array([scores[names[s]][number, i] for i, s in enumerate(chosen)])
        bad = own > 1
        if bad.any():
            worst = int(own.argmax())
            name = names[chosen[worst]]
            row = systems[name][number]
            near = name if len(names) > 1 else ""
            place = {"sample": first + worst, "samples": int(bad.sum()), "system": near}
            yield replace(row.at(worst), **place)
