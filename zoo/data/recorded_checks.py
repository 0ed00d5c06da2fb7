"""What a recording must be before anything is trained on it: stated, finite, and not constant."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from zoo.data.formats.recording import Contents, FileError, Recording
from zoo.data.formats.several import Several
from zoo.data.summary import Summary
from zoo.data.unpacked import Unpacked


def stated(contents: Contents) -> None:
    """Refuse a recording without a box or without a time step.

    Raises:
        FileError: what is missing, and the key of `told` that says it.
    """
    where, sides = contents.path, len(contents.shape)
    if contents.box is None:
        raise FileError(
            f"{where} does not say its side lengths; say them: told.box (--box), {sides} positive "
            f"number{'s' * (sides > 1)}"
        )
    if contents.dt is None:
        raise FileError(
            f"{where} does not say the time between two frames; say it: told.dt (--dt), above 0"
        )
    if len(contents.box) != sides or not all(
        0 < x < math.inf for x in (*contents.box, contents.dt)
    ):
        raise FileError(
            f"{where}: box={list(contents.box)}, dt={contents.dt} on a grid {contents.shape}; a "
            "positive length for each side and a positive time: told.box (--box), told.dt (--dt)"
        )


def finite(recording: Recording, found: Summary, trajectories: Sequence[int]) -> None:
    """Refuse frames that hold what is not finite.

    Args:
        recording: what is used.
        found: its summary.
        trajectories: those that are used.

    Raises:
        FileError: the first of them, and how many there are.
    """
    mine = torch.as_tensor(sorted(trajectories))
    bad = (found.bad[mine] > 0).nonzero()
    if not len(bad):
        return
    row, frame, channel = bad[0].tolist()
    contents, trajectory = recording.contents, int(mine[row])
    count = int(found.bad[trajectory, frame, channel])
    frames = len({(r, f) for r, f, _ in bad.tolist()})
    path, own = where(recording, trajectory)
    raise FileError(
        f"{path}: trajectory {own}, frame {frame * found.stride} (counted from 0) "
        f"holds {count} values of {contents.inputs[channel]} that are not finite, the first of "
        f"{frames} such frames in {len(bad[:, 0].unique())} trajectories; repair or drop them, or "
        "leave the channel out by told.channels"
    )


def where(recording: Recording, trajectory: int) -> tuple[Path, int]:
    """The file in which a trajectory lies, and its number there."""
    if isinstance(recording, Unpacked):
        return where(recording.inner, trajectory)
    if isinstance(recording, Several):
        for file in recording.files:
            if trajectory < file.contents.trajectories:
                return file.contents.path, trajectory
            trajectory -= file.contents.trajectories
    return recording.contents.path, trajectory


def varied(contents: Contents, found: Summary, trajectories: Sequence[int]) -> None:
    """Refuse channels that are one and the same number in all training data.

    Args:
        contents: of the recording.
        found: its summary.
        trajectories: those for training.

    Raises:
        FileError: the first such channel.
    """
    if not len(trajectories):
        return
    mine = torch.as_tensor(trajectories)
    least, greatest = found.least[mine].amin((0, 1)), found.greatest[mine].amax((0, 1))
    for i in (least == greatest).nonzero()[:, 0].tolist():
        others = [name for name in contents.inputs if name != contents.inputs[i]]
        raise FileError(
            f"{contents.path}: {contents.inputs[i]} is {float(least[i]):g} in every frame of the "
            f"{len(mine)} training trajectories (zero variance), so nothing can be learnt of it; "
            f"leave it out: told.channels={others}"
        )
