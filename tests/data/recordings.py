"""Recordings in memory, for tests of what is built on them."""

import numpy as np

from zoo.data.formats.recording import Contents, Recording


class Held(Recording):
    """Frames (trajectories, t, c, *n) and coefficients in memory; counts what is read."""

    def __init__(self, contents: Contents, frames: np.ndarray, table: np.ndarray) -> None:
        self.contents, self.frames, self.table = contents, frames, table
        self.reads: list[tuple[int, int, int, int]] = []

    def read(self, trajectory: int, start: int, stop: int, step: int = 1) -> np.ndarray:
        self.reads.append((trajectory, start, stop, step))
        return self.frames[trajectory, start:stop:step].copy()

    def coefficients(self) -> np.ndarray:
        return self.table

    def close(self) -> None:
        pass


def held(path, trajectories=10, frames=12, constants=("wall",), seed=0, **changes) -> Held:
    """Two channels that vary, and constants, of random numbers on 6 x 4 points."""
    rng = np.random.default_rng(seed)
    told = {
        "path": path,
        "layout": "The Well",
        "channels": ("a", "b"),
        "constants": constants,
        "coefficients": ("nu",),
        "shape": (6, 4),
        "trajectories": trajectories,
        "frames": frames,
        "box": (3.0, 2.0),
        "boundary": "periodic",
        "dt": 0.5,
        "units": {"a": "m/s", "nu": "m^2/s"},
    }
    contents = Contents(**{**told, **changes})
    shape = (trajectories, frames, 2 + len(constants), 6, 4)
    # different scales and means, so that a channel in the wrong place shows
    values = rng.standard_normal(shape).astype(np.float32) * 3 + 100
    values[:, :, 1] *= 1e-3
    values[:, :, 2:] = values[:, :1, 2:]
    return Held(contents, values, rng.uniform(0.1, 1, (trajectories, 1)))
