import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from zoo.data.formats import well_form
from zoo.data.formats.recording import Contents, FileError
from zoo.data.formats.well_form import Room
from zoo.data.formats.well_writer import WellWriter


class WellStream(WellWriter):
    """A file in The Well's format, written a few frames of a few trajectories at a time.

    Memory holds no more than what is appended. A run that was killed goes on at the frame where it
    stood, also in the middle of trajectories. Fields vary in time, all of them.

    Args:
        path: as in WellWriter.
        contents: as in WellWriter, without constants.
        attributes: as in WellWriter.
        resume: as in WellWriter.
        first: time of the first frame.
        again: begin anew, whatever a killed run has left.

    Raises:
        FileError: as in WellWriter, or a frame does not fit.
    """

    def __init__(
        self,
        path: str | Path,
        contents: Contents,
        *,
        attributes: Mapping[str, Any] | None = None,
        resume: bool = False,
        first: float = 0.0,
        again: bool = False,
    ) -> None:
        if contents.constants:
            raise FileError(
                f"{path}: {list(contents.constants)} do not vary in time; frames are streamed of "
                "channels that do: write constants with WellWriter"
            )
        super().__init__(path, contents, attributes=attributes, resume=resume)
        self.first, self.again = first, again
        self.grown = 0
        """Frames that the trajectories after those that are done have so far."""
        self.mark = self.path.with_name(f".{self.path.name}.part.frames.json")

    def __enter__(self) -> "WellStream":
        super().__enter__()
        return self

    def append(self, frames: np.ndarray, coefficients: np.ndarray | None = None) -> None:
        """Write the next frames of the next trajectories, as many in each call until all are there.

        Shapes:
            frames: (b, t, c, *n), channels as `contents.channels`; coefficients: (b, coefficients).

        Raises:
            FileError: a shape does not fit, there are too many, or the disk is full.
        """
        held, file = self.contents, self._open()
        count, length = frames.shape[:2]
        if frames.shape[2:] != (len(held.channels), *held.shape):
            raise FileError(
                f"{self.path} takes frames of {(len(held.channels), *held.shape)} (channels, "
                f"grid), got {frames.shape[2:]}; channels are {list(held.channels)}"
            )
        if self.done + count > held.trajectories or self.grown + length > held.frames:
            raise FileError(
                f"{self.path}: trajectories {self.done} + {count}, frames {self.grown} + {length} "
                f"are more than {held.trajectories} of {held.frames} frames, its description"
            )
        table = np.zeros((count, 0)) if coefficients is None else np.asarray(coefficients)
        try:
            for room in self._rooms:
                if room.varies:
                    self._grow(file, room, self._bytes(room, frames, table))
                elif not self.grown:
                    file.seek(room.offset + self.done * 8)
                    file.write(self._bytes(room, frames, table).data)
            file.flush()
            self._advance(count, length)
        except OSError as error:
            raise self._told(error) from error

    def read(self, trajectory: int, start: int, stop: int) -> np.ndarray:
        """Frames that are written already, (t, c, *n), as they will be read from the file."""
        held, file = self.contents, self._open()
        out = np.empty((stop - start, len(held.channels), *held.shape), np.float32)
        for room in self._rooms:
            if not room.varies:
                continue
            shape = (stop - start, *held.shape, len(room.inputs))
            file.seek(self._place(room, trajectory, start))
            data = np.frombuffer(file.read(4 * math.prod(shape)), np.float32).reshape(shape)
            out[:, list(room.inputs)] = np.moveaxis(data, -1, 1)
        return out

    def attribute(self, name: str, value: str) -> None:
        """Add a text to the root of the file, before it is complete."""
        self._open().flush()
        with h5py.File(self.part, "r+") as file:
            file.attrs[name] = value

    def _open(self) -> IO[bytes]:
        if self._file is None:
            raise FileError(f"{self.path} is not open for writing; use it in a `with` block")
        return self._file

    def _place(self, room: Room, trajectory: int, frame: int) -> int:
        cells = math.prod(self.contents.shape) * len(room.inputs)
        return room.offset + 4 * cells * (trajectory * self.contents.frames + frame)

    def _grow(self, file: IO[bytes], room: Room, data: np.ndarray) -> None:
        for i, row in enumerate(data):
            file.seek(self._place(room, self.done + i, self.grown))
            file.write(row.data)

    def _advance(self, count: int, length: int) -> None:
        if self.grown + length == self.contents.frames:
            self._note(self.done + count)  # from now on the mark names trajectories that are past
            self.grown = 0
            self.mark.unlink(missing_ok=True)
            return
        self.grown += length
        fresh = self.mark.with_name(self.mark.name + ".new")
        fresh.write_text(json.dumps({"done": self.done, "frames": self.grown}))
        fresh.replace(self.mark)

    def _begin(self) -> None:
        super()._begin()
        if self.first:
            with h5py.File(self.part, "r+") as file:
                item: Any = file["dimensions/time"]
                item[...] = item[()] + self.first

    def _resumed(self) -> bool:
        if self.again or not super()._resumed():
            return False
        try:
            mark = json.loads(self.mark.read_text())
        except (OSError, ValueError):
            return True
        # killed between the two notes, the mark is of the trajectories before
        self.grown = int(mark["frames"]) if mark["done"] == self.done else 0
        return True

    def _discard(self) -> None:
        super()._discard()
        for path in (self.mark, self.mark.with_name(self.mark.name + ".new")):
            path.unlink(missing_ok=True)

    def _left(self, kept: bool) -> None:
        super()._left(kept or (self.resume and self.grown > 0))


def reader(path: Path, contents: Contents) -> Callable[[int, int, int], np.ndarray]:
    """Frames start to stop of a trajectory of a file that was written for these contents."""
    rooms = [room for room in well_form.rooms(contents) if room.varies]

    def read(trajectory: int, start: int, stop: int) -> np.ndarray:
        out = np.empty((stop - start, len(contents.channels), *contents.shape), np.float32)
        with h5py.File(path, "r") as file:
            for room in rooms:
                item: Any = file[room.name]
                data = item[trajectory, start:stop].reshape(
                    stop - start, *contents.shape, len(room.inputs)
                )
                out[:, list(room.inputs)] = np.moveaxis(data, -1, 1)
        return out

    return read
