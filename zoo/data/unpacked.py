import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from rich.console import Console
from rich.progress import Progress

from zoo import shelf
from zoo.data import cache
from zoo.data.formats.recording import Recording
from zoo.data.formats.several import Several
from zoo.data.formats.sourced import Sourced

LIMIT = 16 * 2**30
"""Bytes of frames that are unpacked; larger files are read as they are."""
SHARE = 0.5
"""Of the free disk that unpacked frames may take."""
BLOCK = 2**22
"""Numbers that are read at a time."""


class Unpacked(Recording):
    """A recording of compressed files whose frames lie in the cache as plain numbers, mapped.

    A compressed frame costs ten times as much to read as a plain one, in every epoch anew.

    Args:
        inner: the files; frames that are not in the cache are read there.
        path: the frames, (trajectories, frames / stride, c, *n), float32.
        stride: every `stride`-th frame is there.
    """

    def __init__(self, inner: Recording, path: Path, stride: int) -> None:
        self.inner, self.path, self.stride = inner, path, stride
        self.contents = inner.contents
        self._frames: np.ndarray | None = None

    def read(self, trajectory: int, start: int, stop: int, step: int = 1) -> np.ndarray:
        """As in Recording."""
        one = len(range(start, stop, step)) == 1
        if start % self.stride or (step % self.stride and not one):
            return self.inner.read(trajectory, start, stop, step)
        frames = self._frames if self._frames is not None else np.load(self.path, mmap_mode="r")
        self._frames = frames
        first, last = start // self.stride, -(-stop // self.stride)
        return np.array(frames[trajectory, first : last : max(step // self.stride, 1)])

    def coefficients(self) -> np.ndarray:
        """As in Recording."""
        return self.inner.coefficients()

    def close(self) -> None:
        """As in Recording."""
        self._frames = None
        self.inner.close()

    def told(self) -> Mapping[str, Any]:
        """As in Recording."""
        return self.inner.told()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_frames": None}


def unpacked(recording: Recording, spec: Mapping[str, Any], stride: int = 1) -> Recording:
    """The recording, with the frames of compressed files unpacked into the cache, if they fit.

    Args:
        recording: what is read.
        spec: description of the files: equal descriptions are unpacked once a machine.
        stride: every `stride`-th frame is unpacked.
    """
    held = recording.contents
    shape = (held.trajectories, -(-held.frames // stride), len(held.inputs), *held.shape)
    size = 4 * math.prod(shape)
    key = cache.spec_hash({"generator": "unpacked/1", **spec, "stride": stride})
    path = shelf.cache_dir() / "unpacked" / f"{key}.npy"
    if not packed(recording) or size > LIMIT:
        return recording
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.is_file():
            if size > SHARE * shutil.disk_usage(path.parent).free:
                return recording
            try:
                with shelf.atomic_write(path) as part:
                    _unpack(recording, part, shape, stride)
            except OSError:
                # a disk that filled up costs time alone; a file that cannot be read says so again
                return recording
    return Unpacked(recording, path, stride)


def packed(recording: Recording) -> bool:
    """Whether an array of it cannot be mapped: compressed, or in chunks."""
    if isinstance(recording, Several):
        return any(packed(file) for file in recording.files)
    sources = recording.sources if isinstance(recording, Sourced) else ()
    return any(place.offset is None for source in sources for place in source.places)


def _unpack(recording: Recording, part: Path, shape: tuple[int, ...], stride: int) -> None:
    name = recording.contents.path.name
    size = max(1, BLOCK // math.prod(shape[2:]))
    console = Console(stderr=True)
    with (
        part.open("wb") as file,
        Progress(transient=True, console=console, disable=not console.is_terminal) as progress,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        bar = progress.add_task(f"unpacking {name}", total=shape[0])
        for trajectory in range(shape[0]):
            for k in range(0, shape[1], size):
                last = min(k + size, shape[1]) - 1
                read = recording.read(trajectory, stride * k, stride * last + 1, stride)
                file.write(np.ascontiguousarray(read, "<f4").data)
            progress.advance(bar)
