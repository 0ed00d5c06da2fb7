from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.spin.autocorrelation import integrated_time


@dataclass(frozen=True)
class Series:
    """Energy and |M| of chains, sample by sample.

    Args:
        temperatures: (r,).
        energy: per site, (t, r, c): sample, temperature, chain.
        order: |M| per site as in `order.clock`, (t, r, c).
        sites: of a lattice.
        colours: Q.
        every: sweeps from one sample to the next.
    """

    temperatures: Tensor
    energy: Tensor
    order: Tensor
    sites: int
    colours: int
    every: int = 1

    @property
    def samples(self) -> int:
        """How many of each chain."""
        return len(self.energy)

    @cached_property
    def times(self) -> Tensor:
        """The longer autocorrelation time of energy and |M|, (r,), in samples."""
        return torch.maximum(integrated_time(self.energy), integrated_time(self.order))

    def require_decorrelated(self, times: float = 10.0) -> None:
        """Refuse a series whose chains are shorter than so many autocorrelation times.

        Raises:
            ValueError: with the time measured.
        """
        longest, where = self.times.max(0)
        if self.samples < times * float(longest):
            raise ValueError(
                f"at temperature={float(self.temperatures[where]):g} a chain of {self.samples} "
                f"samples has not decorrelated: its measured autocorrelation time is at least "
                f"{float(longest) * self.every:.0f} sweeps, and {times:g} of them are needed; "
                f"record {times * float(longest):.0f} samples or more, or use clusters or Tempering"
            )

    def blocks(self, values: Tensor) -> Tensor:
        """Means of values (t, r, c) over blocks of 20 autocorrelation times or whole chains.

        Shapes:
            result: (r, k), k independent blocks.

        Raises:
            ValueError: the chains have not decorrelated, or there are fewer than 8 blocks.
        """
        self.require_decorrelated()
        length = min(self.samples, max(1, round(20 * float(self.times.max()))))
        count = self.samples // length
        if count * values.shape[2] < 8:
            raise ValueError(
                f"{values.shape[2]} chains of {self.samples} samples make {count} blocks of "
                f"{length} samples each; an error needs 8 in all: run more chains, or longer"
            )
        cut = values[self.samples - count * length :].unflatten(0, (count, length)).mean(1)
        return cut.movedim(1, 0).flatten(1)
