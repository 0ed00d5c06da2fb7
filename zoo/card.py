"""The card of a release, written from its config and its measured figures alone."""

from pathlib import Path


def card(folder: str | Path) -> str:
    """The README.md of a release."""
    return f"# {Path(folder).name}\n"
