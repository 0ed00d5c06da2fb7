from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo.data.frames import Frames

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fields:
    """One split of one data set in physical units, in memory or, of a file, read when indexed.

    Shapes:
        u: (samples, t, c, *n) inputs; y: (samples, t', c', *n) targets; p: (samples, P);
        frames: (samples, T, c, *n) whole trajectories; u and y are then one window of them, at
        first the initial field and the last. None where there is nothing but u and y.
    """

    u: Tensor | Frames
    y: Tensor | Frames
    p: Tensor
    frames: Tensor | Frames | None = None

    def __len__(self) -> int:
        return len(self.u)

    def __getitem__(self, part: slice | Tensor) -> "Fields":
        frames = None if self.frames is None else self.frames[part]
        return Fields(self.u[part], self.y[part], self.p[part], frames)


class FieldSet(ABC):
    """What a mixture asks of a data set: names, a split's tensors, and coefficients it implies.

    A set of trajectories also says their `length` in frames and the time `dt` between two; the
    first channels of its inputs are its outputs, and what follows does not vary in time.
    """

    length: int | None = None
    dt: float | None = None
    equation: Any = None
    """What generated the fields, if the zoo knows it: an Equation or an Evolution."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique among a mixture's sets; figures are logged under it."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """Names of the channels of `u`."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Names of the channels of `y`."""

    @property
    @abstractmethod
    def coefficients(self) -> tuple[str, ...]:
        """Names of the columns of `p`."""

    @property
    @abstractmethod
    def units(self) -> Mapping[str, str]:
        """Units by channel and coefficient name."""

    @property
    @abstractmethod
    def box(self) -> tuple[float, ...]:
        """Physical side lengths."""

    @property
    @abstractmethod
    def boundary(self) -> str:
        """What holds at the sides."""

    @property
    @abstractmethod
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Interval of each coefficient."""

    @abstractmethod
    def count(self, split: str) -> int:
        """Samples of a split, without making them."""

    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Grid points per side, without making anything."""

    @abstractmethod
    def split(self, split: str) -> Fields:
        """The tensors of a split; makes or reads them."""

    def fill(self, p: Tensor) -> dict[str, Tensor]:
        """Coefficients of other sets that this one implies, by name, (samples,) each."""
        return {}


Batch = dict[str, Any]
"""u (b,t,c,*n), y (b,t',c',*n), p (b,P), has_p (b,P), system (b,), dx (b,d), weight ();
of trajectories also dt (b,)."""
