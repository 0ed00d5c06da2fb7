"""One trajectory as pictures see it: prediction, perhaps truth, in physical units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.plots.style import DIVERGING, SEQUENTIAL, named

AXES = "xyz"


@dataclass(frozen=True)
class Track:
    """A predicted trajectory on 1 to 3 axes, beside the true one where that is known.

    Shapes:
        prediction, truth: (t, c, *n); times: (t,).

    Args:
        channels: names of the channels; vectors by component.
        prediction: what the model gave.
        times: of each frame.
        box: physical side lengths.
        truth: what it should be; None where that is not known.
        units: by channel.
        title: which trajectory it is.

    Raises:
        ValueError: shapes do not agree.
    """

    channels: tuple[str, ...]
    prediction: np.ndarray
    times: np.ndarray
    box: tuple[float, ...]
    truth: np.ndarray | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        shape = self.prediction.shape
        want = (len(self.times), len(self.channels))
        other = shape if self.truth is None else self.truth.shape
        if shape[:2] != want or other != shape or len(shape) != 2 + len(self.box):
            raise ValueError(
                f"prediction {shape}, truth {other}, {want[0]} times, {want[1]} channels, box "
                f"{self.box}: give (t, c, *n) for both, with an axis for each side"
            )

    @property
    def dimension(self) -> int:
        """Number of axes of space."""
        return len(self.box)

    def label(self, channel: int) -> str:
        """Name and unit of a channel."""
        name = self.channels[channel]
        return named(name, self.units.get(name))

    def panels(self, channel: int, frame: int) -> list[tuple[str, np.ndarray]]:
        """Truth, prediction and error of a channel at a frame, or the prediction alone."""
        guess = plane(self.prediction[frame, channel])
        if self.truth is None:
            return [("prediction", guess)]
        true = plane(self.truth[frame, channel])
        return [("truth", true), ("prediction", guess), ("error", guess - true)]

    def look(self, channel: int, frames: Sequence[int]) -> dict[str, Any]:
        """Colours of truth and prediction, the same for all frames: the truth's range.

        Fields of both signs have zero in the middle of diverging colours.
        """
        seen = self.prediction if self.truth is None else self.truth
        values = [plane(seen[frame, channel]) for frame in frames]
        low, high = (finite(x, values) for x in (np.min, np.max))
        if low < 0 < high:
            high = max(-low, high)
            return {"cmap": DIVERGING, "vmin": -high, "vmax": high}
        return {"cmap": SEQUENTIAL, "vmin": low, "vmax": high if high > low else low + 1e-30}

    def wrong(self, channel: int, frames: Sequence[int]) -> dict[str, Any]:
        """Colours of the error, the same for all frames; zero in the middle."""
        values = [abs(self.panels(channel, frame)[-1][1]) for frame in frames]
        high = max(finite(np.max, values), 1e-30)
        return {"cmap": DIVERGING, "vmin": -high, "vmax": high}

    def extent(self) -> tuple[float, ...]:
        """Sides of a picture of the first two axes."""
        return (0.0, self.box[0], 0.0, self.box[1])

    def points(self) -> np.ndarray:
        """Coordinates along the first axis."""
        n = self.prediction.shape[2]
        return np.arange(n) * self.box[0] / n


def plane(values: np.ndarray) -> np.ndarray:
    """A field as it is drawn: in three dimensions its plane in the middle of the third axis."""
    return values[:, :, values.shape[2] // 2] if values.ndim == 3 else values


def finite(reduce: Any, values: Sequence[np.ndarray]) -> float:
    """Least or greatest of the finite values; 0 of none: a rollout that blew up is drawn too."""
    kept = np.concatenate([each[np.isfinite(each)] for each in values])
    return float(reduce(kept)) if len(kept) else 0.0


def spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` frames of `count`, evenly from the first to the last."""
    chosen = np.linspace(0, count - 1, min(count, wanted)).round().astype(int)
    return list(dict.fromkeys(chosen.tolist()))
