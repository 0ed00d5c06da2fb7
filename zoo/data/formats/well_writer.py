import errno
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from filelock import FileLock, Timeout

from zoo.data.formats.attributes import plain
from zoo.data.formats.recording import Contents, FileError
from zoo.data.formats.well_form import Room, create, rooms

KEPT = (
    *("channels", "constants", "coefficients", "shape", "trajectories", "frames"),
    *("box", "boundary", "dt", "units", "origin"),
)
"""What of a description is written, and must be the same where a part is resumed."""


class WellWriter:
    """A file in The Well's format, written trajectory by trajectory; it appears when complete.

    It grows beside the target as .NAME.part, with what is done in .NAME.part.json, both renamed or
    removed at the end. With `resume` a part of a run that was killed is gone on with, and one is
    kept where this run fails; a part that describes something else is refused. Without `resume` a
    part is started anew, and removed where this run fails. Nothing lies under the final name before
    all `contents.trajectories` are there.

    Components v_x, v_y are written as one vector field v, s_xx ... as a tensor; the order of the
    channels, the origin, box, dt, units and the zoo's words for the boundary are kept, so that what
    is read back is what was written. Values are single precision, coefficients double.

    Args:
        path: the file.
        contents: what it is to hold, with the number of its trajectories; path and layout are not
            looked at.
        attributes: texts and numbers for the root of the file.
        resume: go on with the part that a killed run left.

    Raises:
        FileError: the disk is too small or full, a part belongs to another run, or a name has "/".
    """

    def __init__(
        self,
        path: str | Path,
        contents: Contents,
        *,
        attributes: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> None:
        self.path, self.contents, self.resume = Path(path), contents, resume
        self.part = self.path.with_name(f".{self.path.name}.part")
        self.state = self.path.with_name(f".{self.path.name}.part.json")
        self.lock = self.path.with_name(f".{self.path.name}.part.lock")
        self.done = 0
        """Trajectories that are complete."""
        self.attributes = {name: _value(value) for name, value in (attributes or {}).items()}
        slashed = [name for name in (*contents.inputs, *contents.coefficients) if "/" in name]
        if slashed:
            raise FileError(f"{path}: the name {slashed[0]!r} has a '/', a group's; rename it")
        found = {**{n: getattr(contents, n) for n in KEPT}, "units": dict(contents.units)}
        self._described = json.loads(json.dumps({**found, "attributes": self.attributes}))
        self._held = FileLock(self.lock, timeout=0)
        self._file: IO[bytes] | None = None
        self._rooms: list[Room] = []

    def __enter__(self) -> "WellWriter":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._held.acquire()
        except Timeout as error:
            raise FileError(
                f"{self.path} is being written by another run; wait for it, or write elsewhere"
            ) from error
        try:
            if not (self.resume and self._resumed()):
                self._begin()
            self._file = self.part.open("r+b")
        except BaseException as error:
            self._left(isinstance(error, FileError))
            if isinstance(error, OSError):
                raise self._told(error) from error
            raise
        return self

    def add(self, frames: np.ndarray, coefficients: np.ndarray | None = None) -> None:
        """Write trajectories after those that are done, and hand them to the system.

        Shapes:
            frames: (b, t, c, *n), channels as `contents.inputs`; constants are taken from the first
                frame. coefficients: (b, coefficients).

        Raises:
            FileError: a shape does not fit, there are too many, or the disk is full.
        """
        table = self._checked(frames, coefficients)
        if self._file is None:
            raise FileError(f"{self.path} is not open for writing; use it in a `with` block")
        try:
            for room in self._rooms:
                data = self._bytes(room, frames, table)
                self._file.seek(room.offset + self.done * (data.nbytes // len(frames)))
                self._file.write(data.data)
            self._file.flush()
            self._note(self.done + len(frames))
        except OSError as error:
            raise self._told(error) from error

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        missing = self.contents.trajectories - self.done
        complete = kind is None and not missing
        file, self._file = self._file, None
        try:
            if file is not None:
                with file:
                    if complete:  # some file systems tell only here that they are full
                        os.fsync(file.fileno())
            if complete:
                self.part.replace(self.path)
        except OSError as failure:
            complete = False
            if kind is None:
                raise self._told(failure) from failure
        finally:
            self._left(self.resume and self.done > 0 and not complete)
        if kind is None and missing:
            raise FileError(
                f"{self.path} got {self.done} of {self.contents.trajectories} trajectories; add "
                f"the others{f', the part is kept in {self.part}' if self.resume else ''}"
            )

    def _checked(self, frames: np.ndarray, coefficients: np.ndarray | None) -> np.ndarray:
        held = self.contents
        wanted = (held.frames, len(held.inputs), *held.shape)
        if not len(frames) or frames.shape[1:] != wanted:
            raise FileError(
                f"{self.path} takes trajectories {wanted} (frames, channels, grid), at least one; "
                f"got {frames.shape}; channels are {list(held.inputs)}"
            )
        if self.done + len(frames) > held.trajectories:
            raise FileError(
                f"{self.path}: {self.done} + {len(frames)} trajectories are more than the "
                f"{held.trajectories} of its description; raise `trajectories`"
            )
        table = np.zeros((len(frames), 0)) if coefficients is None else np.asarray(coefficients)
        if table.shape != (len(frames), len(held.coefficients)):
            raise FileError(
                f"{self.path}: coefficients of shape {table.shape}; it takes {len(frames)} times "
                f"{list(held.coefficients)}"
            )
        return table

    def _bytes(self, room: Room, frames: np.ndarray, table: np.ndarray) -> np.ndarray:
        if room.name.startswith("scalars/"):
            place = self.contents.coefficients.index(room.name.removeprefix("scalars/"))
            return np.ascontiguousarray(table[:, place], np.float64)
        inputs, axis = list(room.inputs), 2 if room.varies else 1
        chosen = frames[:, :, inputs] if room.varies else frames[:, 0, inputs]
        # components last; a scalar's axis of one changes no byte
        return np.ascontiguousarray(np.moveaxis(chosen, axis, -1), np.float32)

    def _needed(self) -> int:
        held = self.contents
        cells = math.prod(held.shape) * held.trajectories
        counts = [len(r.inputs) * (held.frames if r.varies else 1) for r in rooms(held)]
        return 4 * cells * sum(counts)

    def _begin(self) -> None:
        self._discard()
        if self._needed() > shutil.disk_usage(self.path.parent).free:
            raise OSError(errno.ENOSPC, "the disk is too small")
        self._rooms = create(self.part, self.contents, self.attributes)
        self._note(0)

    def _resumed(self) -> bool:
        """Whether there is a part of this run to go on with."""
        try:
            state = json.loads(self.state.read_text())
            described, places = state["described"], state["rooms"]
            with h5py.File(self.part, "r"):
                pass
        except (OSError, ValueError, KeyError):
            return False  # none, or killed while it was begun: nothing is lost
        for name, value in self._described.items():
            if described.get(name) != value:
                raise FileError(
                    f"{self.part} was begun with {name} {described.get(name)}, this run has "
                    f"{value}; delete it, do not resume, or write to another path"
                )
        self._rooms = [Room(n, tuple(inputs), *more) for n, inputs, *more in places]
        self.done = int(state["done"])
        return True

    def _note(self, done: int) -> None:
        places = [[r.name, list(r.inputs), r.varies, r.rank, r.offset] for r in self._rooms]
        state = {"described": self._described, "done": done, "rooms": places}
        fresh = self.state.with_name(self.state.name + ".new")
        fresh.write_text(json.dumps(state))
        fresh.replace(self.state)  # killed here or before, the trajectories are written again
        self.done = done

    def _left(self, kept: bool) -> None:
        if not kept:
            self._discard()
        self._held.release()
        self.lock.unlink(missing_ok=True)

    def _discard(self) -> None:
        for path in (self.part, self.state, self.state.with_name(self.state.name + ".new")):
            path.unlink(missing_ok=True)

    def _told(self, error: OSError) -> OSError | FileError:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return error
        free = shutil.disk_usage(self.path.parent).free
        kept = f"; {self.done} trajectories are kept to resume from" if self.resume else ""
        return FileError(
            f"the disk is full: {self.path} needs {self._needed()} bytes in all, {free} are free"
            f"{kept}; free some, or write to another disk"
        )


def _value(value: Any) -> Any:
    """What HDF5 takes as an attribute; anything else as its text."""
    value = plain(value)
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)) and len({type(item) for item in value}) == 1:
        return [_value(item) for item in value]
    return str(value)
