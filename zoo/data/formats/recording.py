from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


class FileError(ValueError):
    """A file of simulations that cannot be used: names the file, the value, rule and remedy."""


@dataclass(frozen=True)
class Contents:
    """What a file of trajectories holds, as the zoo understands it; nothing of it is read twice.

    Args:
        path: the file, or the first of several.
        layout: "The Well", "PDEBench tensor", "PDEBench grouped" or "arrays".
        channels: names of the fields that vary in time, a component of a vector or tensor each
            (velocity_x, stress_xy), in the file's order.
        constants: names of the fields that do not vary in time; models are given them as inputs.
        coefficients: names of the numbers of a trajectory.
        shape: grid points per side.
        trajectories: how many.
        frames: frames of each.
        box: physical side lengths; None where the file does not say.
        boundary: "periodic" if every side is, else a word for each axis: "x wall, y periodic";
            None where the file does not say.
        dt: time between two frames; None where the file does not say.
        units: of channels, constants and coefficients by name, those that the file states.
        origin: coordinates of the first grid point.
        notes: what a reader had to guess or leave out, a sentence each.
    """

    path: Path
    layout: str
    channels: tuple[str, ...]
    shape: tuple[int, ...]
    trajectories: int
    frames: int
    constants: tuple[str, ...] = ()
    coefficients: tuple[str, ...] = ()
    box: tuple[float, ...] | None = None
    boundary: str | None = None
    dt: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    origin: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels, then constants: what a frame read from the file holds, in this order."""
        return self.channels + self.constants


@dataclass(frozen=True)
class Told:
    """What a user says about a file; it wins over what the file says.

    Args:
        layout: a YAML file that names axes, channels, units, box and dt of plain arrays.
        rename: a channel's or coefficient's name in the file to the name wanted.
        channels: the channels wanted, by the names wanted; None for all.
        coefficients: the coefficients wanted; None for all.
        units: of channels and coefficients, by the names wanted.
        box: physical side lengths.
        boundary: as in Contents.
        dt: time between two frames.
    """

    layout: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    coefficients: tuple[str, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, ...] | None = None
    boundary: str | None = None
    dt: float | None = None


class Recording(ABC):
    """Trajectories in a file, read lazily: a frame that is not asked for is not read.

    An instance may be sent to a loader's worker: open files do not go along, but are opened again.
    """

    contents: Contents

    @abstractmethod
    def read(self, trajectory: int, start: int, stop: int, step: int = 1) -> np.ndarray:
        """Frames start, start + step, ... below stop of one trajectory, (t, c, *n), float32.

        Channels are `contents.inputs`; constants are repeated in every frame.
        """

    @abstractmethod
    def coefficients(self) -> np.ndarray:
        """(trajectories, coefficients), float64."""

    @abstractmethod
    def close(self) -> None:
        """Let the file go; it is opened again when it is read again."""

    def told(self) -> Mapping[str, Any]:
        """Further attributes of the file for `zoo data describe`, plain values by name."""
        return {}
