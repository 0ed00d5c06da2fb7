"""Named arrays in .npz, .npy and .h5 files: opened without reading, written chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import h5py
import numpy as np

HDF5 = (".h5", ".hdf5")
ENDINGS = (*HDF5, ".npz", ".npy")


@contextmanager
def opened(path: str | Path, alone: str = "u") -> Iterator[Mapping[str, Any]]:
    """The arrays of a file by name; a slice of one reads no more than it needs from HDF5 and .npy.

    Args:
        path: the file.
        alone: the name of the one array of a .npy file.

    Raises:
        ValueError: the file is missing, empty, or of another kind.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path} ends in {path.suffix!r}; give one of {', '.join(ENDINGS)}")
    if not path.is_file():
        raise ValueError(f"no file {path}; it should hold arrays named as the model's channels")
    if path.suffix in HDF5:
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise ValueError(f"{path} is not HDF5: {error}") from error
        with file:
            found = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
            yield MappingProxyType(found)
        return
    try:
        # no pickle: an array of objects is refused
        loaded = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            found = {alone: loaded}
        else:
            with loaded:
                found = {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is no file of plain numpy arrays: {error}") from error
    yield MappingProxyType(found)


class Writer:
    """A file of named arrays that grow along their first axis; it appears when complete.

    .npz keeps what it is given until it is closed, .h5 writes at once.

    Args:
        path: the file, .h5 or .npz.
        attributes: texts and numbers for HDF5's attributes.
    """

    def __init__(self, path: str | Path, attributes: Mapping[str, Any] | None = None) -> None:
        self.path = Path(path)
        if self.path.suffix not in (*HDF5, ".npz"):
            raise ValueError(f"{path} ends in {self.path.suffix!r}; write to .h5 or .npz")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.part = self.path.with_name(
            f".{self.path.stem}.{uuid4().hex[:12]}.part{self.path.suffix}"
        )
        self.kept: dict[str, list[np.ndarray]] = {}
        self.file = h5py.File(self.part, "w") if self.path.suffix in HDF5 else None
        if self.file is not None:
            self.file.attrs.update(dict(attributes or {}))

    def add(self, **arrays: np.ndarray) -> None:
        """Append samples to each named array."""
        for name, array in arrays.items():
            if self.file is None:
                self.kept.setdefault(name, []).append(array)
            elif name not in self.file:
                shape = (None, *array.shape[1:])
                self.file.create_dataset(name, data=array, maxshape=shape)
            else:
                data: Any = self.file[name]
                data.resize(len(data) + len(array), 0)
                data[-len(array) :] = array

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self.file is not None:
            self.file.close()
        if kind is None:
            if self.file is None:
                whole: dict[str, Any] = {n: np.concatenate(a) for n, a in self.kept.items()}
                np.savez(self.part, **whole)
            self.part.replace(self.path)
        self.part.unlink(missing_ok=True)


def fields(
    arrays: Mapping[str, Any],
    names: Sequence[str],
    dimension: int,
    frames: int,
    part: slice,
    where: str,
) -> np.ndarray:
    """Samples `part` of the named channels, stacked to (b, t, c, *n).

    Each array is (samples, *n), or (samples, t, *n) with the model's number of frames.

    Raises:
        ValueError: a channel is missing, its shape is wrong, or a value is not finite.
    """
    stacked = []
    for name in names:
        if name not in arrays:
            raise ValueError(f"{where} has no array {name!r}; it has {sorted(arrays)}")
        item = arrays[name]
        if item.ndim not in (1 + dimension, 2 + dimension):
            raise ValueError(
                f"{name} in {where} has shape {tuple(item.shape)}; it should be (samples, "
                f"{dimension} space axes), with an axis of {frames} frames between if more"
            )
        data = np.asarray(item[part])
        data = data[:, None] if data.ndim == 1 + dimension else data
        if data.shape[1] != frames:
            raise ValueError(
                f"{name} in {where} has {data.shape[1]} frames; the model has {frames}"
            )
        stacked.append(finite(data, name, where, part.start or 0))
    shapes = {name: item.shape for name, item in zip(names, stacked, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{where}: channels differ in shape: {shapes}")
    return np.stack(stacked, 2)


def finite(data: np.ndarray, name: str, where: str, start: int = 0) -> np.ndarray:
    """The array itself if all of it is finite numbers; the first bad sample is named otherwise."""
    if not np.issubdtype(data.dtype, np.number) or np.iscomplexobj(data):
        raise ValueError(f"{name} in {where} holds {data.dtype}; it should hold real numbers")
    bad = ~np.isfinite(data)
    if bad.any():
        first = int(np.argwhere(bad)[0][0]) + start
        raise ValueError(
            f"{name} in {where} holds {int(bad.sum())} values that are not finite, first in sample "
            f"{first} (counted from 0); repair or drop them"
        )
    return data
