import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo import shelf


def spec_hash(spec: Mapping[str, Any]) -> str:
    """The name of a data set: the first 20 hex digits of the sha256 of its description."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def folder(spec: Mapping[str, Any]) -> Path:
    """Where the data set with this description lies, or will lie."""
    return shelf.cache_dir() / "data" / spec_hash(spec)


def cached(spec: Mapping[str, Any], make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors that `make` returns for a description, made once a machine and read ever after.

    Whoever comes first generates under a file lock; others wait and read. Files are written under a
    temporary name and renamed, and their sha256 is checked at every read: a damaged file is made
    again.

    Args:
        spec: plain description; equal descriptions mean equal data.
        make: generates the tensors.
    """
    place = folder(spec)
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        data = _read(place)
        if data is None:
            data = {name: value.contiguous() for name, value in make().items()}
            _write(place, spec, data)
    return data


def _read(place: Path) -> dict[str, Tensor] | None:
    try:
        stated = json.loads((place / "spec.json").read_text())["sha256"]
        data = load_file(place / "data.safetensors")
    except (FileNotFoundError, KeyError, json.JSONDecodeError, SafetensorError):
        return None
    with open(place / "data.safetensors", "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != stated:
            return None
    return data


def _write(place: Path, spec: Mapping[str, Any], data: dict[str, Tensor]) -> None:
    place.mkdir(exist_ok=True)
    part = place / "data.safetensors.part"
    save_file(data, part)
    with open(part, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # spec.json goes first to nothing and last to its final name: it alone makes the folder valid
    (place / "spec.json").unlink(missing_ok=True)
    os.replace(part, place / "data.safetensors")
    handle, name = tempfile.mkstemp(dir=place, suffix=".part")
    with os.fdopen(handle, "w") as file:
        json.dump({"sha256": digest, "spec": dict(spec)}, file, indent=1)
    os.replace(name, place / "spec.json")
