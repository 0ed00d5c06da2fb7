"""How runs and their ingredients are told apart: folders' names, words, hashes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def variant(point: Mapping[str, Any]) -> str:
    """A folder's name for a point of a matrix: `limit=8,lr=0.001,seed_everything=0`."""
    short = {key: key.split()[0].rpartition(".")[2] for key in point}
    doubled = [name for name in short.values() if list(short.values()).count(name) > 1]
    names = {
        key: key.split()[0].replace(".", "_") if name in doubled else name
        for key, name in short.items()
    }
    parts = []
    for key, item in point.items():
        told = text(item)
        plain = "".join(c if c.isalnum() or c in ".-_+@" else "_" for c in told)
        parts.append(f"{names[key]}={plain if len(plain) <= 40 else digest(item)[:12]}")
    return ",".join(parts)


def text(item: Any) -> str:
    """A value as one word of a command line."""
    return item if isinstance(item, str) else json.dumps(item)


def digest(item: Any) -> str:
    """sha256 of plain data."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()


def sha_of(release: Path) -> str | None:
    """The sha256 of a release's weights as it states it; None without one."""
    config = release / "config.json"
    return json.loads(config.read_text())["sha256"] if config.is_file() else None
