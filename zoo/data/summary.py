import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from zoo import shelf
from zoo.data import cache
from zoo.data.formats.recording import Contents, Recording, Told

BLOCK = 2**22
"""Numbers of a recording that are read at a time: 16 MiB of float32."""


@dataclass(frozen=True)
class Summary:
    """What every frame of a recording is like, over the finite values of each channel.

    Shapes:
        each (trajectories, frames, channels and constants), float64.

    Args:
        mean: over space.
        variance: over space, of all points: no correction.
        least: smallest value.
        greatest: largest value.
        bad: how many values are not finite.
        stride: every `stride`-th frame of the recording is here.
    """

    mean: Tensor
    variance: Tensor
    least: Tensor
    greatest: Tensor
    bad: Tensor
    stride: int = 1

    def at(self, trajectories: Tensor, frames: Tensor) -> "Summary":
        """Those of some frames of the recording, counted as it counts them: (..., channels)."""
        place = (trajectories, frames // self.stride)
        return Summary(**{name: getattr(self, name)[place] for name in COLUMNS})


UNTOLD = ("path", "notes")
COLUMNS = tuple(field.name for field in fields(Summary) if field.name != "stride")


def summary(recording: Recording, spec: Mapping[str, Any], stride: int = 1) -> Summary:
    """Read every `stride`-th frame once, a block of frames at a time, and keep what was found.

    Args:
        recording: what is read.
        spec: description of the files, as `described` gives it: equal descriptions are read once.
        stride: as in Summary.
    """
    key = {"generator": "summary/1", **spec, "stride": stride}
    return Summary(**cache.cached(key, lambda: _read(recording, stride)), stride=stride)


def described(
    path: str | Path | Sequence[str | Path], contents: Contents, told: Told | None
) -> dict[str, Any]:
    """Size and time of each file, and what is understood of them, without their paths."""
    paths = [Path(one) for one in ([path] if isinstance(path, str | Path) else path)]
    stats = [one.stat() for one in paths]
    # a layout file beside the file says what its arrays mean
    beside = [one.with_name(f"{one.name}.yaml") for one in paths]
    known = {name: value for name, value in vars(contents).items() if name not in UNTOLD}
    said = dict(vars(told)) if told is not None else {}
    if told is not None and told.layout is not None:
        # its text counts, not where it lies
        said["layout"] = shelf.sha256(told.layout)
    for values in (known, said):
        values |= {key: dict(v) for key, v in values.items() if isinstance(v, Mapping)}
    return {
        "files": [[stat.st_size, stat.st_mtime_ns] for stat in stats],
        "layouts": [shelf.sha256(one) for one in beside if one.is_file()],
        "contents": known,
        "told": said,
    }


def _read(recording: Recording, stride: int) -> dict[str, Tensor]:
    contents = recording.contents
    times = range(0, contents.frames, stride)
    size = max(1, BLOCK // (len(contents.inputs) * math.prod(contents.shape)))
    rows: list[dict[str, Tensor]] = []
    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(f"reading {contents.path.name}", total=contents.trajectories)
        for trajectory in range(contents.trajectories):
            for block in (times[k : k + size] for k in range(0, len(times), size)):
                read = recording.read(trajectory, block[0], block[-1] + 1, stride)
                rows.append(_moments(torch.as_tensor(read).double().flatten(2)))
            progress.advance(bar)
    view = (contents.trajectories, len(times), len(contents.inputs))
    return {name: torch.cat([row[name] for row in rows]).view(view) for name in COLUMNS}


def _moments(values: Tensor) -> dict[str, Tensor]:
    """Columns of a block (t, c, points)."""
    variance, mean = torch.var_mean(values, 2, correction=0)
    least, greatest = values.amin(2), values.amax(2)
    bad = torch.zeros_like(mean)
    if not bool((variance + mean).isfinite().all()):
        good = values.isfinite()
        count = good.sum(2)
        bad = (~good).sum(2).double()
        mean = torch.where(good, values, 0.0).sum(2) / count.clamp_min(1)
        variance = torch.where(good, values - mean[..., None], 0.0).square().sum(2)
        variance = variance / count.clamp_min(1)
        least = torch.where(good, values, torch.inf).amin(2)
        greatest = torch.where(good, values, -torch.inf).amax(2)
    return dict(zip(COLUMNS, (mean, variance, least, greatest, bad), strict=True))
