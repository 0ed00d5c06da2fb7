"""Numbers of a file that are none: who scans a file asks here."""

import numpy as np

from zoo.data.formats.recording import Contents, FileError


def finite(
    frames: np.ndarray, contents: Contents, trajectory: int, start: int = 0, step: int = 1
) -> np.ndarray:
    """The frames themselves if all of them are finite numbers.

    Shapes:
        frames: (t, c, *n) as `Recording.read` gives them.

    Args:
        frames: frames of one trajectory.
        contents: of the file, for its name and those of its channels.
        trajectory: which one it is.
        start: number of the first frame.
        step: distance between two.

    Raises:
        FileError: a value is NaN or infinite; the first one's trajectory, frame and channel.
    """
    # the sum of all is finite if each is, short of an overflow: then every one is looked at
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(frames.sum(dtype=np.float64)):
            return frames
    bad = ~np.isfinite(frames)
    if not bad.any():
        return frames
    frame, channel, *point = (int(i) for i in np.argwhere(bad)[0])
    raise FileError(
        f"{contents.path}: {contents.inputs[channel]} is {frames[frame, channel][tuple(point)]} in "
        f"trajectory {trajectory}, frame {start + step * frame}, point {tuple(point)} (all counted "
        f"from 0), and {int(bad.sum())} values of these frames are not finite; fields are finite "
        "numbers: leave this trajectory out, or keep the frames before it blew up"
    )
