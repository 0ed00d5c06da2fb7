import hashlib
import json
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
    return data if shelf.sha256(place / "data.safetensors") == stated else None


def _write(place: Path, spec: Mapping[str, Any], data: dict[str, Tensor]) -> None:
    place.mkdir(exist_ok=True)
    # spec.json alone makes the folder valid: it goes first and comes back last
    (place / "spec.json").unlink(missing_ok=True)
    with shelf.atomic_write(place / "data.safetensors") as part:
        save_file(data, part)
    told = {"sha256": shelf.sha256(place / "data.safetensors"), "spec": dict(spec)}
    with shelf.atomic_write(place / "spec.json") as part:
        part.write_text(json.dumps(told, indent=1))
