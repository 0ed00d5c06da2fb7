from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """Which frames of a trajectory are inputs and which are targets.

    Args:
        history: frames that go in.
        horizon: frames that a model gives at once.
        offset: frames from the last one that goes in to the first target: 1 is the next frame.
        start: windows begin at the first frame, or, in training, at a random one for every sample
            and epoch; validation and test windows always begin at the first.
        unroll: targets in training, in horizons: more than one for training through a rollout.
        evaluate: targets in validation and test, in horizons; more than one measures a rollout.
    """

    history: int = 8
    horizon: int = 1
    offset: int = 1
    start: Literal["first", "random"] = "first"
    unroll: int = 1
    evaluate: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no window."""
        for name in ("history", "horizon", "offset", "unroll", "evaluate"):
            if getattr(self, name) < 1:
                raise ValueError(f"window.{name}={getattr(self, name)} must be at least 1")
        if self.start not in ("first", "random"):
            raise ValueError(f"window.start={self.start!r} must be 'first' or 'random'")
        if self.offset > 1 and max(self.unroll, self.evaluate) > 1:
            raise ValueError(
                f"window.offset={self.offset} with unroll={self.unroll} and evaluate="
                f"{self.evaluate}: a model that jumps cannot be rolled out; set one of them to 1"
            )

    def length(self, train: bool) -> int:
        """Frames from the first input to the last target."""
        many = self.unroll if train else self.evaluate
        return self.history + self.offset - 1 + self.horizon * many

    def check(self, frames: int, where: str) -> None:
        """Refuse trajectories that are shorter than the window."""
        need = max(self.length(True), self.length(False))
        if frames < need:
            raise ValueError(
                f"{where}: trajectories have {frames} frames, the window needs {need} (history "
                f"{self.history}, offset {self.offset}, horizon {self.horizon}, unroll "
                f"{self.unroll}, evaluate {self.evaluate}); make them longer or the window shorter"
            )

    def parts(self, start: int, train: bool) -> tuple[slice, slice]:
        """Which frames go in and which are targets, of the window that begins at a frame."""
        first = start + self.history + self.offset - 1
        return slice(start, start + self.history), slice(first, start + self.length(train))

    def first(self, frames: Any, train: bool, channels: int | None = None) -> tuple[Any, Any]:
        """Inputs and targets of the windows that begin at the first frame, as views.

        Shapes:
            frames: (samples, t, c, *n).

        Args:
            frames: a tensor, or frames that are read when they are indexed.
            train: whether the windows are those of training.
            channels: so many of the first ones are targets; all if left out.
        """
        inputs, targets = self.parts(0, train)
        return frames[:, inputs], frames[:, targets, :channels]

    def cut(self, frames: Tensor, channels: int | None = None) -> tuple[Tensor, Tensor]:
        """A window's own frames (b, length, c, *n) to inputs and targets."""
        return frames[:, : self.history], frames[:, self.history + self.offset - 1 :, :channels]

    def place(self, frames: int, seed: tuple[int, ...]) -> int:
        """The frame at which a training window begins; `seed` names the sample and the epoch."""
        if self.start == "first":
            return 0
        rng = np.random.default_rng(seed)
        return int(rng.integers(frames - self.length(True) + 1))


@dataclass(frozen=True)
class Timeline:
    """Frames of trajectories in time.

    Args:
        frames: how many, the initial field included.
        dt: time between two.
    """

    frames: int = 32
    dt: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what is no time line."""
        if self.frames < 2 or self.dt <= 0:
            raise ValueError(f"frames={self.frames}, dt={self.dt}: at least 2, and positive")

    def times(self) -> Tensor:
        """Time of each frame, (frames,), float64."""
        return torch.arange(self.frames, dtype=torch.float64) * self.dt
