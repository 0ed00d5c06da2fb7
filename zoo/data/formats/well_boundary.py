"""What holds at the sides of a domain: The Well's masks and types, and the zoo's words for them.

The zoo says "periodic" if every side is, else a word for each axis: "x wall, y periodic"; two words
if its ends differ: "x open/wall".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.data.formats.attributes import texts

TYPES = ("wall", "open", "periodic")
"""The types that The Well knows."""
WALLS = ("wall", "dirichlet", "neumann", "noslip", "no-slip")
"""Words of ours that are a wall there; every other one that it does not know is open."""


def read(group: Mapping[str, Any], axes: Sequence[str]) -> tuple[str | None, list[str]]:
    """The words for a group `boundary_conditions`, and notes; None if it says nothing.

    As in The Well's own reader a wall must cover a whole side, the other types any part of it,
    and a side that is not named is open.
    """
    sides = {axis: ["open", "open"] for axis in axes}
    notes: list[str] = []
    for name, item in group.items():
        word = str(texts(item.attrs["bc_type"])[0]).lower()
        dims = [axis for axis in texts(item.attrs["associated_dims"]) if axis in sides]
        mask = np.asarray(item["mask"][()], bool)
        mask = mask.reshape(-1, *mask.shape[mask.ndim - len(dims) :])[0]
        if not mask.any() and len(dims) == 1:
            # the package's own writer leaves its masks empty
            sides[dims[0]] = [word, word]
            notes.append(f"the mask of {name} is empty: both ends of {dims[0]} taken as {word}")
            continue
        for place, axis in enumerate(dims):
            for end in (0, -1):
                face = mask.take(end, place)
                if face.all() if word == "wall" else face.any():
                    sides[axis][end] = word
        if mask[(slice(1, -1),) * mask.ndim].any():
            notes.append(f"{name} lies inside the domain: models are not told of it")
    return (words(sides) if len(group) else None), notes


def words(sides: Mapping[str, Sequence[str]]) -> str:
    """The zoo's text for the two ends of each axis."""
    if all(end == "periodic" for ends in sides.values() for end in ends):
        return "periodic"
    pairs = {
        axis: ends[0] if ends[0] == ends[1] else "/".join(ends) for axis, ends in sides.items()
    }
    return ", ".join(f"{axis} {word}" for axis, word in pairs.items())


def ends(boundary: str, axes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The two ends of each axis of the zoo's text; one word alone holds on every axis."""
    found = {axis: (boundary, boundary) for axis in axes}
    parts = [part.split() for part in boundary.split(",")]
    if all(len(part) == 2 and part[0] in axes for part in parts):
        for axis, word in parts:
            first, _, last = word.partition("/")
            found[axis] = (first, last or first)
    return found


def typed(word: str) -> str:
    """The Well's type for a word of ours."""
    if word in TYPES:
        return word.upper()
    return "WALL" if word in WALLS else "OPEN"


def write(group: Any, boundary: str | None, shape: Mapping[str, int]) -> None:
    """Fill a group `boundary_conditions`: a mask and type for each axis and each type at its ends.

    Args:
        group: the HDF5 group.
        boundary: the zoo's text; nothing is written if it is None.
        shape: grid points of each axis.
    """
    if boundary is None:
        return
    for axis, pair in ends(boundary, list(shape)).items():
        for kind in dict.fromkeys(typed(word) for word in pair):
            own = group.create_group(f"{axis}_{kind.lower()}")
            own.attrs["associated_dims"] = [axis]
            own.attrs["associated_fields"] = []
            own.attrs["bc_type"] = kind
            own.attrs["sample_varying"] = own.attrs["time_varying"] = False
            mask = np.zeros(shape[axis], bool)
            mask[0], mask[-1] = (typed(word) == kind for word in pair)
            own.create_dataset("mask", data=mask)
