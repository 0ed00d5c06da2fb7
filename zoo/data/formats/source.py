from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zoo.data.formats.store import Place, Store


@dataclass(frozen=True)
class Source:
    """One array of a file, the meaning of its axes, and the channels that it fills.

    Args:
        places: the array; or one for each trajectory, which then have no axis "trajectory".
        axes: a word for each axis in the array's order: "trajectory", "time", "component", "one"
            (an axis of length one that is to be dropped), or the number of an axis of space. An
            axis of space that is absent is repeated, and so is time: the field is constant.
        fills: channels, each with its index along the axes "component".
        dimension: axes of space of the file.
    """

    places: tuple[Place, ...]
    axes: tuple[str | int, ...]
    fills: tuple[tuple[int, tuple[int, ...]], ...]
    dimension: int

    def fill(self, out: np.ndarray, store: Store, trajectory: int, span: slice) -> None:
        """Write frames into (t, c, *n), in the dtype of that."""
        place = self.places[trajectory if len(self.places) > 1 else 0]
        known: dict[str | int, Any] = {"trajectory": trajectory, "time": span, "one": 0}
        # a map is sliced without being read, so several components cost no more than one
        block = store.array(place.name)[tuple(known.get(a, slice(None)) for a in self.axes)]
        order, expanded = self._order
        for channel, component in self.fills:
            chosen = iter(component)
            index = tuple(next(chosen) if a == "component" else slice(None) for a in self._left)
            part = block[index] if component else block
            out[:, channel] = part.transpose(order)[expanded]

    def only(self, channels: dict[int, int]) -> "Source | None":
        """The same for some of the channels, with their new numbers; None if none is left."""
        kept = tuple((channels[c], component) for c, component in self.fills if c in channels)
        return Source(self.places, self.axes, kept, self.dimension) if kept else None

    @cached_property
    def _left(self) -> tuple[str | int, ...]:
        return tuple(axis for axis in self.axes if axis not in ("trajectory", "one"))

    @cached_property
    def _order(self) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        plain = [axis for axis in self._left if axis != "component"]
        wanted = ["time", *range(self.dimension)]
        order = tuple(plain.index(axis) for axis in wanted if axis in plain)
        return order, tuple(slice(None) if axis in plain else None for axis in wanted)
