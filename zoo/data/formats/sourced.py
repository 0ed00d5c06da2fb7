from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.formats.coordinates import dynamic
from zoo.data.formats.recording import Contents, FileError, Recording
from zoo.data.formats.source import Source
from zoo.data.formats.store import Store


class Sourced(Recording):
    """Trajectories of one file whose arrays are named, and the meaning of their axes known.

    Shapes:
        table: (trajectories, coefficients).

    Args:
        store: the file.
        contents: what it holds.
        sources: the arrays that fill `contents.inputs`.
        table: coefficients of each trajectory.
        attributes: as in `Recording.told`.

    Raises:
        FileError: there is one frame only, or a coefficient is not finite.
    """

    def __init__(
        self,
        store: Store,
        contents: Contents,
        *,
        sources: tuple[Source, ...],
        table: np.ndarray,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        dynamic(contents.frames, contents.path)
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            row, column = (int(i) for i in bad[0])
            raise FileError(
                f"{contents.coefficients[column]} of trajectory {row} (counted from 0) in "
                f"{contents.path} is {table[row, column]}; coefficients are finite: repair it, or "
                "leave it out of `coefficients`"
            )
        self.store, self.contents, self.sources = store, contents, sources
        self.table, self.attributes = table, dict(attributes or {})

    def read(self, trajectory: int, start: int, stop: int, step: int = 1) -> np.ndarray:
        """As in Recording."""
        held = self.contents
        if not 0 <= trajectory < held.trajectories:
            raise IndexError(f"trajectory {trajectory} of {held.path}; it has {held.trajectories}")
        if not 0 <= start < stop <= held.frames or step < 1:
            raise IndexError(
                f"frames {start}:{stop}:{step} of {held.path}; it has {held.frames}: from 0 to that"
            )
        span = slice(start, stop, step)
        frames = len(range(start, stop, step))
        out = np.empty((frames, len(held.inputs), *held.shape), np.float32)
        for source in self.sources:
            source.fill(out, self.store, trajectory, span)
        return out

    def coefficients(self) -> np.ndarray:
        """As in Recording."""
        return self.table.copy()

    def close(self) -> None:
        """As in Recording."""
        self.store.close()

    def told(self) -> Mapping[str, Any]:
        """As in Recording."""
        return dict(self.attributes)

    def chosen(self, contents: Contents, inputs: list[int], columns: list[int]) -> "Sourced":
        """The same file with some of its inputs and coefficients, in another order or naming."""
        places = {old: new for new, old in enumerate(inputs)}
        kept = (source.only(places) for source in self.sources)
        return Sourced(
            self.store,
            contents,
            sources=tuple(source for source in kept if source is not None),
            table=self.table[:, columns],
            attributes=self.attributes,
        )
