import math
from collections.abc import Iterator
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics
from zoo.spin.order import clock_of_counts
from zoo.spin.series import Series


class Chains:
    """Many lattices under one dynamics: started apart, thermalised, measured and drawn.

    Half of the chains start ordered, each in a colour of its own, and half at random: what comes
    from above and what comes from below must agree before anything is measured. A cold random
    start alone can stick in stripes for ever; an ordered start alone hides it.

    Args:
        dynamics: what moves them.
        count: chains at each temperature; a multiple of 64 is best for clusters.
        rng: where all random numbers come from; the lattices are on its device.
        start: how they begin.

    Raises:
        ValueError: no chain, fewer than four to compare, or another way to start.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        count: int,
        *,
        rng: torch.Generator,
        start: Literal["half", "ordered", "random"] = "half",
    ) -> None:
        if count < (4 if start == "half" else 1) or start not in ("half", "ordered", "random"):
            raise ValueError(
                f"count={count}, start={start!r}: chains start 'ordered', 'random', or 'half' of "
                "them so, and then at least 4 are needed to compare"
            )
        self.dynamics, self.rng, self.start = dynamics, rng, start
        self.sweeps = 0
        self.times: Tensor | None = None
        """Autocorrelation time at each temperature in sweeps, once thermalised."""
        colours, shape = dynamics.energy.colours, (len(dynamics.betas), dynamics.lattice.sites)
        s = torch.randint(colours, (*shape, count), generator=rng, device=rng.device)
        self._ordered = {"half": count // 2, "ordered": count, "random": 0}[start]
        if self._ordered:
            s[:, :, : self._ordered] = s[:, :1, : self._ordered].clone()
        self.s: Tensor = s.to(torch.uint8)

    def advance(self, sweeps: int) -> None:
        """Move all lattices."""
        self.dynamics.sweep(self.s, self.rng, sweeps)
        self.sweeps += sweeps

    def record(self, samples: int, *, every: int = 1) -> Series:
        """Energy and |M| after every so many sweeps."""
        dynamics, energies, orders = self.dynamics, [], []
        sites, colours = dynamics.lattice.sites, dynamics.energy.colours
        for _ in range(samples):
            self.advance(every)
            energies.append(dynamics.energy.chains(self.s, dynamics.lattice) / sites)
            orders.append(clock_of_counts(self.s, colours))
        both = torch.stack(energies).cpu(), torch.stack(orders).cpu()
        return Series(dynamics.temperatures.cpu(), *both, sites, colours, every)

    def thermalise(self, *, limit: int = 4096, first: int = 32) -> Series:
        """Run until the chains have forgotten how they started, in rounds that double.

        A round is the last when it is 20 autocorrelation times long and chains that started
        ordered and at random agree within it, in energy and |M|, to 5 standard errors.

        Args:
            limit: sweeps of the longest round.
            first: sweeps of the first round.

        Returns:
            the last round, which may be kept.

        Raises:
            ValueError: no round was the last, with the time measured or what disagreed.
        """
        length = first
        while True:
            series = self.record(length)
            gap = self.gap(series)
            if series.samples >= 20 * float(series.times.max()) and float(gap.max()) <= 5:
                self.times = series.times
                return series
            if 2 * length > limit:
                break
            length *= 2
        series.require_decorrelated(20)
        worst = int(gap.argmax())
        raise ValueError(
            f"at temperature={float(series.temperatures[worst]):g} chains that started ordered "
            f"and at random still differ by {float(gap[worst]):.1f} standard errors after "
            f"{self.sweeps} sweeps; use clusters or Tempering, or raise limit={limit}"
        )

    def gap(self, series: Series) -> Tensor:
        """How far chains of the two starts are apart, (r,), in standard errors."""
        if self.start != "half":
            return torch.zeros(len(series.temperatures))
        found = []
        for values in (series.energy, series.order):
            mean = values.mean(0)
            parts = mean[:, : self._ordered], mean[:, self._ordered :]
            variance = parts[0].var(1) / parts[0].shape[1] + parts[1].var(1) / parts[1].shape[1]
            difference = (parts[0].mean(1) - parts[1].mean(1)).abs()
            # a frozen chain has no variance, but a round of it can still be one spin off
            floor = (1.0 / (series.sites * series.samples)) ** 2
            found.append(difference / (variance + floor).sqrt())
        return torch.stack(found).amax(0)

    @property
    def spacing(self) -> int:
        """Sweeps from one draw to the next: two autocorrelation times, of the slowest.

        Raises:
            ValueError: the time has not been measured yet.
        """
        if self.times is None:
            raise ValueError("the chains have not been thermalised; call thermalise() first")
        return max(1, math.ceil(2 * float(self.times.max())))

    def draws(self, samples: int) -> Iterator[UInt8[Tensor, "r c *n"]]:
        """Lattices of all temperatures and chains, so far apart that they are independent."""
        spacing = self.spacing
        for _ in range(samples):
            self.advance(spacing)
            yield self.lattices()

    def lattices(self) -> UInt8[Tensor, "r c *n"]:
        """A copy of the lattices as they are."""
        return self.s.movedim(1, 2).unflatten(2, self.dynamics.lattice.shape).contiguous()
