"""Opening a file of arrays: its kind is read from its first bytes, never from its name."""

import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from zoo.data.formats.recording import FileError

Kind = Literal["HDF5", "npz", "npy"]

SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"PK\x03\x04", "npz"),
    (b"\x93NUMPY", "npy"),
)
Header = tuple[int | None, np.dtype, tuple[int, ...], bool]
"""Where an array of NumPy begins in its file, its dtype and shape, and whether Fortran's order."""

READABLE = "the zoo reads HDF5, .npz and .npy"
CHUNKS = 16 * 2**20
"""Bytes of an array's cache of chunks: compressed frames that windows share are unpacked once."""


def kind(path: Path) -> Kind:
    """What a file is, by its first bytes.

    Raises:
        FileError: there is no such file, it is empty, or of another kind.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileError(f"{path} {what}; give a file of trajectories, or several; {READABLE}")
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise FileError(f"{path} is empty (0 bytes); write or fetch it again; {READABLE}")
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    if h5py.is_hdf5(path):  # its signature may lie behind a user block
        return "HDF5"
    hint = "; it is NetCDF-3: convert it with `nccopy -k nc4`" if head.startswith(b"CDF") else ""
    raise FileError(f"{path} is not HDF5: it begins with {head!r}; {READABLE}{hint}")


def hdf5(path: Path) -> h5py.File:
    """The file, open for reading.

    Raises:
        FileError: it is truncated, locked by somebody who writes to it, or damaged.
    """
    try:
        return h5py.File(path, "r", rdcc_nbytes=CHUNKS)
    except OSError as error:
        raise FileError(f"{path} {_why(path, str(error))}") from error


def _why(path: Path, text: str) -> str:
    cut = re.search(r"eof = (\d+).*stored_eof = (\d+)", text)
    if cut:
        return (
            f"is truncated: it has {cut[1]} bytes of the {cut[2]} that it says it has; fetch or "
            "write it again"
        )
    if "unable to lock" in text:
        return (
            "is locked: another process has it open for writing; wait until that one closes it "
            f"({text})"
        )
    if "already open for write" in text:
        return (
            "is locked: it is open for writing elsewhere, or its writer was killed; wait, or run "
            f"`h5clear -s {path.name}` if nobody writes to it"
        )
    return f"is damaged, perhaps truncated ({path.stat().st_size} bytes): {text}; fetch it again"


def members(path: Path) -> dict[str, Header]:
    """The arrays of an .npz by name; a compressed one has no offset, since it cannot be mapped.

    Raises:
        FileError: it is truncated, or holds anything but plain arrays.
    """
    found: dict[str, Header] = {}
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            for item in archive.infolist():
                name = item.filename.removesuffix(".npy")
                if item.compress_type == zipfile.ZIP_STORED:
                    # the local header's own lengths count: 30 bytes, then a name and extras
                    raw.seek(item.header_offset + 26)
                    lengths = [int.from_bytes(raw.read(2), "little") for _ in range(2)]
                    raw.seek(sum(lengths), 1)
                    found[name] = header(raw, path)
                else:
                    with archive.open(item) as member:
                        found[name] = (None, *header(member, path)[1:])
    except zipfile.BadZipFile as error:
        size = path.stat().st_size
        raise FileError(
            f"{path} is truncated or damaged ({size} bytes): {error}; fetch or write it again"
        ) from error
    return found


def header(raw: Any, path: Path) -> Header:
    """Offset, dtype, shape and order of the .npy array that begins where the file stands.

    Raises:
        FileError: it is no plain array, or cut off.
    """
    try:
        version = np.lib.format.read_magic(raw)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        shape, fortran, dtype = (read or np.lib.format.read_array_header_2_0)(raw)
    except ValueError as error:
        raise FileError(f"{path} holds no plain numpy array: {error}; write it again") from error
    if dtype.hasobject:
        raise FileError(f"{path} holds Python objects, which are never read; save plain arrays")
    return raw.tell(), dtype, shape, fortran
