import math
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from zoo.data.formats import opening
from zoo.data.formats.recording import FileError

KEPT = 32
"""Arrays of HDF5 that are kept open."""


@dataclass(frozen=True)
class Place:
    """An array of a file: its name, shape and dtype, and where it begins if it can be mapped."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None = None
    fortran: bool = False


class Store:
    """The arrays of one file by name, sliced without being read.

    An array that lies in one piece, uncompressed, is mapped into memory: HDF5 is not asked for it
    again, so a read costs one copy. Others go through h5py, which is opened once in each process;
    neither a map nor an open file goes along to a loader's worker.

    Args:
        path: an HDF5, .npz or .npy file.

    Raises:
        FileError: as in `opening`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.kind = opening.kind(self.path)
        self._stamp = self._now()
        self._places: dict[str, Place] = {}
        self._forget()
        if self.kind == "HDF5":
            _ = self.file  # a truncated or locked one is told at once
        else:
            self._places = self._numpy_places()

    @property
    def file(self) -> Any:
        """The h5py.File, opened once in each process."""
        if self._process != os.getpid():
            # a handle that was inherited by a fork shares its position with the parent's
            self._forget()
        if self._file is None:
            self._file = opening.hdf5(self.path)
        return self._file

    def place(self, name: str) -> Place:
        """What is known about an array."""
        if name not in self._places:
            item = self.file.get(name)
            if not isinstance(item, h5py.Dataset):
                raise FileError(f"{self.path} has no array {name!r}; it has {self.names()}")
            self._places[name] = self._hdf5_place(name, item)
        return self._places[name]

    def names(self) -> list[str]:
        """The names of all arrays; "group/array" within groups."""
        if self.kind == "HDF5":
            found: list[str] = []

            def note(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    found.append(name)

            self.file.visititems(note)
            return found
        return list(self._places)

    def array(self, name: str) -> Any:
        """An array to slice: numpy's over a map of the file, or h5py's data set."""
        if self._process != os.getpid():
            self._forget()
        if name not in self._arrays:
            found = self._found(self.place(name))
            if isinstance(found, h5py.Dataset) and len(self._arrays) >= KEPT:
                # each keeps a cache of chunks, and a file may hold one for each trajectory
                del self._arrays[next(iter(self._arrays))]
            self._arrays[name] = found
        return self._arrays[name]

    def close(self) -> None:
        """Let the file go; it is opened again when it is read again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_map": None, "_arrays": {}}

    def _forget(self) -> None:
        self._process = os.getpid()
        self._file: h5py.File | None = None
        self._map: mmap.mmap | None = None
        self._arrays: dict[str, Any] = {}

    def _now(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns

    def _found(self, place: Place) -> Any:
        if place.offset is None:
            if self.kind == "HDF5":
                return self.file[place.name]
            with np.load(self.path, allow_pickle=False) as found:
                return found[place.name]
        if self._map is None:
            with self.path.open("rb") as file:
                if self._now() != self._stamp:
                    raise FileError(
                        f"{self.path} was changed since it was opened, and its arrays may lie "
                        "elsewhere now; open it again"
                    )
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        order = "F" if place.fortran else "C"
        return np.ndarray(place.shape, place.dtype, self._map, place.offset, order=order)

    def _hdf5_place(self, name: str, item: h5py.Dataset) -> Place:
        offset = None
        plain = item.dtype.kind in "fiu" and item.chunks is None and not item.external
        if plain and item.size and not item.is_virtual and not self.file.userblock_size:
            offset = item.id.get_offset()  # None where nothing was ever written
        if offset is not None and offset + item.nbytes > self._stamp[0]:
            raise FileError(
                f"{self.path} is truncated: {name} ends at byte {offset + item.nbytes}, the file "
                f"has {self._stamp[0]}; fetch or write it again"
            )
        return Place(name, tuple(item.shape), item.dtype, offset)

    def _numpy_places(self) -> dict[str, Place]:
        if self.kind == "npy":
            with self.path.open("rb") as raw:
                found = {self.path.stem: opening.header(raw, self.path)}
        else:
            found = opening.members(self.path)
        return {name: self._numpy_place(name, item) for name, item in found.items()}

    def _numpy_place(self, name: str, item: opening.Header) -> Place:
        offset, dtype, shape, fortran = item
        end = (offset or 0) + math.prod(shape) * dtype.itemsize
        if offset is not None and end > self._stamp[0]:
            raise FileError(
                f"{self.path} is truncated: {name} ends at byte {end}, the file has "
                f"{self._stamp[0]}; fetch or write it again"
            )
        return Place(name, shape, dtype, offset, fortran)
