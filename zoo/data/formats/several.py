from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from zoo.data.formats.recording import Contents, FileError, Recording

SAME = 1e-4
"""Boxes and time steps may differ by this share: files are often in single precision."""

OPEN = 64
"""Files that are kept open: a system allows about a thousand, over all workers' pipes and files."""


class Several(Recording):
    """Files of the same fields on the same grid, one after the other.

    Args:
        files: the recordings, at least one.

    Raises:
        FileError: two differ in channels, grid, frames, box, dt, boundary or units; both are named.
    """

    def __init__(self, files: Sequence[Recording]) -> None:
        self.files = tuple(files)
        held = [file.contents for file in files]
        for other in held[1:]:
            _alike(held[0], other)
        self._ends = [*accumulate(one.trajectories for one in held)]
        self._used: dict[int, None] = {}  # in the order of their last use
        # what one file is silent about another may say
        units = {name: unit for one in reversed(held) for name, unit in one.units.items()}
        notes = tuple(f"{one.path.name}: {note}" for one in held for note in one.notes)
        self.contents = replace(held[0], trajectories=self._ends[-1], units=units, notes=notes)

    def read(self, trajectory: int, start: int, stop: int, step: int = 1) -> np.ndarray:
        """As in Recording."""
        if not 0 <= trajectory < self._ends[-1]:
            raise IndexError(f"trajectory {trajectory}; the files have {self._ends[-1]}")
        place = bisect_right(self._ends, trajectory)
        before = self._ends[place - 1] if place else 0
        self._use(place)
        return self.files[place].read(trajectory - before, start, stop, step)

    def _use(self, place: int) -> None:
        self._used.pop(place, None)
        self._used[place] = None
        if len(self._used) > OPEN:
            oldest = next(iter(self._used))
            del self._used[oldest]
            self.files[oldest].close()

    def coefficients(self) -> np.ndarray:
        """As in Recording."""
        return np.concatenate([file.coefficients() for file in self.files])

    def close(self) -> None:
        """As in Recording."""
        for file in self.files:
            file.close()

    def told(self) -> Mapping[str, Any]:
        """Attributes that all files share."""
        first, *rest = (file.told() for file in self.files)
        return {n: v for n, v in first.items() if all(n in o and o[n] == v for o in rest)}


def _near(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.allclose(a, b, rtol=SAME, atol=0))


def _same(a: Any, b: Any) -> bool:
    return bool(a == b)


CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "channels": _same,
    "constants": _same,
    "coefficients": _same,
    "shape": _same,
    "frames": _same,
    "box": _near,
    "dt": _near,
    "boundary": _same,
}
REMEDIES = {
    "channels": "choose those that both have by `channels`",
    "constants": "choose those that both have by `channels`",
    "coefficients": "choose those that both have by `coefficients`",
    "shape": "interpolate the fields onto one grid",
    "frames": "cut the longer ones: every trajectory has as many frames",
    "box": "tell the box if it is the same",
    "dt": "tell dt if it is the same; else keep frames of equal distance",
    "boundary": "tell the boundary if it is the same",
}


def _alike(first: Contents, other: Contents) -> None:
    for name, same in CHECKS.items():
        a, b = getattr(first, name), getattr(other, name)
        if not same(a, b):
            raise FileError(
                f"{first.path} has {name} {a}, {other.path} has {b}; files are joined if they are "
                f"alike: {REMEDIES[name]}, or give one file"
            )
    for name in first.units.keys() & other.units.keys():
        if first.units[name] != other.units[name]:
            raise FileError(
                f"{name} has the unit {first.units[name]} in {first.path}, {other.units[name]} in "
                f"{other.path}; write it in one unit, or tell the unit if it is the same"
            )
