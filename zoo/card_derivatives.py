"""What `zoo show` says of the derivatives of a function of points."""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.models.estimators.recommended import recommended

ESTIMATED = "zoo.models.smoothed.Smoothed"
"""The field whose own derivatives are estimates."""


def derivatives(config: Mapping[str, Any]) -> str | None:
    """How to train on more derivatives of a field; None of what is none, or has estimates.

    Args:
        config: a release's config.json.
    """
    face = config["model"]["init_args"]["interface"]
    if not face.get("region") or ESTIMATED in _paths(config["model"]):
        return None
    count = len(face["inputs"])
    return f"derivatives: exact; for residuals in {count} coordinates: {recommended(count)}"


def _paths(block: Any) -> Iterator[str]:
    """The classes in a block."""
    if isinstance(block, Mapping):
        if "class_path" in block:
            yield block["class_path"]
        for value in block.values():
            yield from _paths(value)
