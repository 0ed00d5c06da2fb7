"""HDF5's attributes as plain values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.formats.recording import FileError

LONG = 16
"""A longer array is told by its shape."""


def plain(value: Any) -> Any:
    """A number, text or list of them; an array of more than 16 entries is told by its shape."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        if value.size > LONG:
            return f"{value.dtype} {value.shape}"
        return [plain(item) for item in value.tolist()] if value.ndim else plain(value.item())
    return value.item() if isinstance(value, np.generic) else value


def texts(value: Any) -> list[str]:
    """A text or an array of texts, as a list."""
    return [str(plain(item)) for item in np.atleast_1d(np.asarray(value)).tolist()]


def flag(item: Any, name: str, default: bool) -> bool:
    """A truth value among the attributes of an HDF5 object."""
    return bool(np.all(item.attrs.get(name, default)))


def listed(group: Any, where: str) -> list[str]:
    """The data sets of a group in the order of its attribute `field_names`, if it has that.

    Raises:
        FileError: one that is listed is not there.
    """
    names = (
        texts(group.attrs["field_names"]) if "field_names" in getattr(group, "attrs", {}) else []
    )
    for name in names:
        if name not in group:
            raise FileError(f"{where} lists {name!r}, but holds {sorted(group)}; mend the list")
    return names or list(group)


def units(item: Any, count: int = 1) -> list[str]:
    """The units that a data set states, for each component; "" where it does not."""
    found = texts(item.attrs.get("units", item.attrs.get("unit", "")))
    return found if len(found) == count else [found[0]] * count if len(found) == 1 else [""] * count


def numbers(found: Mapping[str, Any]) -> dict[str, float]:
    """The attributes that are one number."""
    values = {name: np.asarray(value) for name, value in found.items()}
    return {
        name: float(value.item())
        for name, value in values.items()
        if value.size == 1 and value.dtype.kind in "fiu"
    }
