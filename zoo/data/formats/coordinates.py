"""Coordinates of a file: where a uniform grid begins, how wide a cell and how long a step is."""

from pathlib import Path

import numpy as np

from zoo.data.formats.recording import FileError

EVEN = 1e-3
"""Cells may differ by this share: files are often in single precision."""


def even(values: np.ndarray) -> tuple[float, float] | None:
    """First value and spacing of equally spaced numbers; None if they are not.

    The rounding of the stored numbers is allowed for: (max |x| ε) beside a share of the spacing.
    """
    x = np.asarray(values, np.float64).ravel()
    spacing = (x[-1] - x[0]) / (len(x) - 1)
    kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64)
    rounding = 4 * float(np.finfo(kind).eps) * float(np.abs(x).max())
    uneven = np.abs(np.diff(x) - spacing).max()
    if not np.isfinite(uneven) or spacing <= 0 or uneven > EVEN * spacing + rounding:
        return None
    return float(x[0]), float(spacing)


def grid(values: np.ndarray, axis: str, points: int, path: Path) -> tuple[float, float]:
    """Origin and length of an axis of space; n points of spacing h span n h, as in a periodic box.

    Raises:
        FileError: there are not as many coordinates as points, or they are not equally spaced.
    """
    if np.ndim(values) != 1 or len(values) != points:
        raise FileError(
            f"{path}: {axis} has {np.shape(values)} coordinates for {points} grid points; give one "
            "for each point, or tell the box instead"
        )
    if points < 2:
        raise FileError(f"{path}: {axis} has {points} grid point; at least 2 are needed")
    found = even(values)
    if found is None:
        gaps = np.diff(np.asarray(values, np.float64))
        raise FileError(
            f"{path}: the grid along {axis} is not uniform, its spacing runs from {gaps.min():.6g} "
            f"to {gaps.max():.6g}; models take uniform grids: interpolate the fields onto one first"
        )
    return found[0], found[1] * points


def apart(
    pairs: list[tuple[float, float]] | None,
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Origins and lengths of the axes from a pair for each axis; None if there are none."""
    if pairs is None:
        return None, None
    return tuple(start for start, _ in pairs), tuple(side for _, side in pairs)


def dynamic(frames: int, path: Path) -> None:
    """Refuse a file of a single frame.

    Raises:
        FileError: there is one frame only.
    """
    if frames < 2:
        raise FileError(
            f"{path} has {frames} frame of each trajectory; at least 2 are needed: one to predict "
            "from and one to predict. Steady problems (Darcy) are read by zoo.data.files.Files, "
            "with an array for each input and output channel"
        )


def step(values: np.ndarray, frames: int, path: Path) -> float:
    """The time between two frames; one time more than frames is allowed (PDEBench's files).

    Raises:
        FileError: there are too few times or frames, or they are not equally spaced.
    """
    dynamic(frames, path)
    remedy = "tell dt to treat the frames as equally spaced"
    if np.ndim(values) != 1 or len(values) not in (frames, frames + 1):
        raise FileError(
            f"{path} has {np.shape(values)} times for {frames} frames; give a time for each frame, "
            f"or {remedy}"
        )
    found = even(np.asarray(values)[:frames])
    if found is None:
        gaps = np.diff(np.asarray(values, np.float64)[:frames])
        raise FileError(
            f"{path}: the times are not equally spaced, steps run from {gaps.min():.6g} to "
            f"{gaps.max():.6g}; models take one time step: keep frames of equal distance, or "
            f"{remedy}"
        )
    return found[1]
