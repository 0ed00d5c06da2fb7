import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.formats.recording import Recording
from zoo.data.summary import Summary


class Frames:
    """Frames in a file as if they were a tensor, read only where they are indexed.

    A number as the first index reads one sample; slices give Frames again: `frames[:, :4]` reads
    nothing, `frames[7, :4]` and `frames[:, :4][7]` read the same four frames.

    Shapes:
        (samples, t, c, *n), float32; channels and constants of the recording are c.

    Args:
        recording: where they are read.
        summary: of every frame of the recording that is used.
        places: (samples, 2), the trajectory and the first frame of each sample.
        times: frames of a sample, counted from its first.
        channels: channels, counted as in the recording's `inputs`.
    """

    def __init__(
        self,
        recording: Recording,
        summary: Summary,
        places: np.ndarray,
        times: range,
        channels: range | None = None,
    ) -> None:
        self.recording, self.summary = recording, summary
        self.places, self.times = places, times
        whole = range(len(recording.contents.inputs))
        self.channels = channels if channels is not None else whole

    @property
    def shape(self) -> tuple[int, ...]:
        """As of a tensor."""
        grid = self.recording.contents.shape
        return (len(self.places), len(self.times), len(self.channels), *grid)

    @property
    def ndim(self) -> int:
        """As of a tensor."""
        return len(self.shape)

    @property
    def points(self) -> int:
        """Of the grid."""
        return math.prod(self.recording.contents.shape)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        sample, *rest = index if isinstance(index, tuple) else (index,)
        axes = [part[cut] for part, cut in zip((self.times, self.channels), rest, strict=False)]
        if len(rest) > 2 or not all(isinstance(axis, range) for axis in axes):
            raise IndexError(f"{index}: a sample, then slices of frames and of channels")
        times, channels, *_ = (*axes, *(self.times, self.channels)[len(axes) :])
        if isinstance(sample, int | np.integer):
            return self._read(int(sample), times, channels)
        chosen = self.places[sample.numpy() if isinstance(sample, Tensor) else sample]
        return Frames(self.recording, self.summary, chosen, times, channels)

    def whole(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Samples `start` to `stop`, all if left out, read into memory."""
        rows = [self[i] for i in range(*slice(start, stop).indices(len(self)))]
        return torch.stack(rows) if rows else torch.empty((0, *self.shape[1:]))

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance over space of every frame and channel, (samples, t, c), float64."""
        frames = torch.as_tensor(self.places[:, 1:] + np.asarray(self.times, dtype=np.int64))
        rows = torch.as_tensor(self.places[:, :1]).expand(frames.shape)
        columns = slice(self.channels.start, self.channels.stop)
        found = self.summary.at(rows, frames)
        return found.mean[..., columns], found.variance[..., columns]

    def _read(self, sample: int, times: range, channels: range) -> Tensor:
        if not times:
            return torch.empty((0, len(channels), *self.shape[3:]))
        trajectory, first = (int(x) for x in self.places[sample])
        read = self.recording.read(trajectory, first + times[0], first + times[-1] + 1, times.step)
        frames = torch.from_numpy(read if read.flags.writeable else read.copy())
        if len(channels) == frames.shape[1]:
            return frames
        return frames[:, channels.start : channels.stop]


def whole(values: "Tensor | Frames", start: int = 0, stop: int | None = None) -> Tensor:
    """Samples `start` to `stop` in memory, wherever they lie."""
    return values[start:stop] if isinstance(values, Tensor) else values.whole(start, stop)
