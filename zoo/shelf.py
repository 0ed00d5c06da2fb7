"""Where recipes and checkpoints lie, what is cached, and how a file is written and checked."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

Verify = Literal["stamp", "always", "never"]


class ReleaseError(Exception):
    """A release that is not what it should be: the text names value, rule and remedy."""


@dataclass(frozen=True)
class Cached:
    """One entry of the cache: its path below `cache_dir()`, its bytes and its files."""

    name: str
    size: int
    files: int


def root() -> Path:
    """The folder that holds `checkpoints/` and `recipes/`: the wheel's own, or the checkout."""
    package = Path(__file__).resolve().parent
    packed = package / "_shelf"
    return packed if packed.is_dir() else package.parent


def checkpoints() -> dict[str, Path]:
    """The shipped releases by name: each folder of `checkpoints/` that holds a config.json."""
    found = sorted((root() / "checkpoints").glob("*/config.json"))
    return {path.parent.name: path.parent for path in found}


def recipes() -> dict[str, Path]:
    """The shipped recipes and chains by their name below `recipes/`, without the ending."""
    folder = root() / "recipes"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*.yaml"))
    }


def cache_dir() -> Path:
    """The folder of generated data, pulled releases and stamps: `ZOO_CACHE`, or `~/.cache/zoo`."""
    named = os.environ.get("ZOO_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "zoo"


def cache_contents() -> list[Cached]:
    """What lies in the cache, one entry for each folder or file at its top."""
    folder = cache_dir()
    if not folder.is_dir():
        return []
    entries = []
    for entry in sorted(folder.iterdir()):
        parts = [entry, *entry.rglob("*")] if entry.is_dir() else [entry]
        files = [part for part in parts if part.is_file() and not part.is_symlink()]
        entries.append(Cached(entry.name, sum(f.stat().st_size for f in files), len(files)))
    return entries


def empty_cache(name: str | None = None) -> int:
    """Remove one entry of the cache, or all; returns the bytes that became free.

    Raises:
        ReleaseError: no entry has that name.
    """
    contents = {entry.name: entry for entry in cache_contents()}
    if name is not None and name not in contents:
        raise ReleaseError(
            f"cache entry {name!r} is not in {cache_dir()}; it holds {list(contents)}"
        )
    chosen = contents.values() if name is None else [contents[name]]
    for entry in chosen:
        path = cache_dir() / entry.name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return sum(entry.size for entry in chosen)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; it becomes `path` at once when the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: str | Path) -> Iterator[Path]:
    """Give an empty temporary folder beside `folder`; it takes its place when the block succeeds.

    A folder that is already there stays whole until then, and is removed afterwards.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = uuid4().hex[:12]
    part = folder.with_name(f".{folder.name}.{token}.part")
    old = folder.with_name(f".{folder.name}.{token}.old")
    part.mkdir()
    try:
        yield part
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        shutil.rmtree(old, ignore_errors=True)


def sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: str | Path, digest: str, verify: Verify = "stamp") -> None:
    """Make sure that a file has this sha256.

    The answer is kept as a stamp (size, mtime, inode) in the cache, so that an unchanged file is
    not read again.

    Args:
        path: the file.
        digest: the sha256 that it must have.
        verify: "stamp" trusts an unchanged stamp, "always" reads the file, "never" trusts it.

    Raises:
        ReleaseError: the file's sha256 is another.
    """
    if verify not in ("stamp", "always", "never"):
        raise ReleaseError(f"verify={verify!r} is not known; use 'stamp', 'always' or 'never'")
    if verify == "never":
        return
    path = Path(path).resolve()
    stamp = _stamp(path, digest)
    record = _stamp_file(path)
    if verify == "stamp" and record.is_file() and record.read_text() == stamp:
        return
    found = sha256(path)
    if found != digest:
        raise ReleaseError(
            f"{path.name} has sha256 {found[:16]}..., the release states {digest[:16]}...; "
            f"the file in {path.parent} was changed or damaged: fetch it again"
        )
    # a cache that cannot be written (a read-only home) costs time and nothing else
    if writable(record.parent):
        with atomic_write(record) as part:
            part.write_text(stamp)


def _stamp(path: Path, digest: str) -> str:
    found = path.stat()
    return json.dumps([str(path), found.st_size, found.st_mtime_ns, found.st_ino, digest])


def _stamp_file(path: Path) -> Path:
    return cache_dir() / "stamps" / f"{hashlib.sha256(str(path).encode()).hexdigest()}.json"


def nearest(folder: Path) -> Path:
    """The folder itself, or its nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def writable(folder: Path) -> bool:
    """Whether files can be written into a folder, which need not exist yet."""
    return os.access(nearest(folder), os.W_OK)
