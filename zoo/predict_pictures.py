"""Pictures of a predicted file: frames, error over time, spectrum, animation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo import shelf
from zoo.plots.animation import FRAMES, animation
from zoo.plots.rollout import errors, frames
from zoo.plots.spectrum import spectrum
from zoo.plots.track import Track, spread

MEASURED = 64
"""Trajectories whose errors are drawn, evenly chosen from the first to the last."""
BLOCK = 64
"""Frames of a trajectory that are read at a time."""
Read = Callable[[int, int, int], np.ndarray]
"""Frames start to stop of a trajectory, (t, c, *n); the frames of the prediction count."""


@dataclass(frozen=True)
class Predicted:
    """A file of predictions, perhaps with the truth beside it; frames are read when asked for.

    Args:
        channels: of the prediction.
        times: of its frames.
        box: physical side lengths.
        trajectories: how many.
        read: what was predicted.
        truth: what it should be, of the same frames; None where that is not known.
        last: the last frame that went in, for persistence.
        units: by channel.
    """

    channels: tuple[str, ...]
    times: np.ndarray
    box: tuple[float, ...]
    trajectories: int
    read: Read
    truth: Read | None = None
    last: Callable[[int], np.ndarray] | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def track(self, trajectory: int) -> Track:
        """One trajectory for pictures, at most as many frames as an animation shows."""
        chosen = spread(len(self.times), FRAMES)

        def some(read: Read) -> np.ndarray:
            return np.concatenate([read(trajectory, frame, frame + 1) for frame in chosen])

        truth = None if self.truth is None else some(self.truth)
        title = f"trajectory {trajectory} of {self.trajectories}"
        times = self.times[chosen]
        return Track(self.channels, some(self.read), times, self.box, truth, self.units, title)

    def curves(self) -> dict[str, np.ndarray]:
        """Relative L2 error of model and persistence, (trajectories, t, c) each; a few at most."""
        if self.truth is None:
            return {}
        found: dict[str, list[np.ndarray]] = {"model": []}
        for trajectory in spread(self.trajectories, MEASURED):
            parts: dict[str, list[np.ndarray]] = {}
            for start in range(0, len(self.times), BLOCK):
                span = (trajectory, start, min(start + BLOCK, len(self.times)))
                true = self.truth(*span)
                parts.setdefault("model", []).append(relative(self.read(*span), true))
                if self.last is not None:
                    still = relative(self.last(trajectory)[None], true)
                    parts.setdefault("persistence", []).append(still)
            for name, blocks in parts.items():
                found.setdefault(name, []).append(np.concatenate(blocks))
        return {name: np.stack(rows) for name, rows in found.items()}


def relative(guess: np.ndarray, true: np.ndarray) -> np.ndarray:
    """||guess - true||₂ / ||true||₂ of each frame and channel, (t, c); NaN of a truth of zero."""
    axes = tuple(range(2, true.ndim))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        error = np.square(guess.astype(float) - true).sum(axes)
        return np.sqrt(error / np.square(true.astype(float)).sum(axes))


def draw(result: Predicted, folder: Path) -> tuple[list[Path], dict[str, np.ndarray]]:
    """Write the pictures into a folder; what was written, and the errors by trajectory and time.

    The trajectory that is shown has the median error, not the best one; without a truth it is the
    first.

    Args:
        result: the predictions.
        folder: other files in it stay as they are.
    """
    curves = result.curves()
    track = result.track(_typical(curves["model"], result.trajectories) if curves else 0)
    made = {f"frames-{name}.png": frames(track, c) for c, name in enumerate(result.channels)}
    made["spectrum.png"] = spectrum(track)
    if curves:
        drawn = f"{len(curves['model'])} of {result.trajectories} trajectories"
        made["error.png"] = errors(result.times, curves, result.channels, drawn)
    if len(result.times) > 1:
        made["animation.gif"] = animation(track)
    for name, data in made.items():
        with shelf.atomic_write(folder / name) as part:
            part.write_bytes(data)
    return [folder / name for name in made], curves


def _typical(errors: np.ndarray, trajectories: int) -> int:
    """The trajectory with the median error; what is not finite is worse than all else."""
    each = np.nan_to_num(errors, nan=np.inf).mean((1, 2))
    return spread(trajectories, MEASURED)[int(each.argsort(kind="stable")[(len(each) - 1) // 2])]


def told(curves: Mapping[str, np.ndarray]) -> str:
    """The errors after the first, the middle and the last step in a sentence."""
    if not curves:
        return ""
    steps = spread(curves["model"].shape[1], 3)
    words = []
    for name, values in curves.items():
        means = ", ".join(f"{np.mean(values[:, step]):.3g}" for step in steps)
        words.append(f"{name} {means}")
    which = ", ".join(str(step + 1) for step in steps)
    return f"relative L2 error after {which} steps: {'; '.join(words)}"
