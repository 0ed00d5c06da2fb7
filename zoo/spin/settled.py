import math
from collections.abc import Callable

import torch

from zoo.spin.chains import Chains
from zoo.spin.observables import observables
from zoo.spin.series import Series

ROUND = 128
"""Samples of a round."""
Tell = Callable[[int], None]
"""Takes how many sweeps have been made."""


def settled(
    chains: Chains,
    sweeps: int,
    *,
    accuracy: float | None = None,
    limit: int = 4096,
    longest: int = 2**14,
    tell: Tell | None = None,
) -> Series:
    """A series of so many sweeps, by chains that have first forgotten how they began.

    As `Chains.thermalise`, in rounds that double until one is 20 autocorrelation times long and
    chains that started ordered and at random agree; but a longer round has no more samples, only
    more sweeps between them, since reading energies costs as much as half a sweep. The last round
    is the beginning of the series.

    Args:
        chains: new ones.
        sweeps: of the series, at least.
        accuracy: the greatest standard error of |M| at any temperature; the series is lengthened
            until it is met.
        limit: sweeps of the longest round.
        longest: sweeps of the longest series.
        tell: told about every eighth of a round.

    Raises:
        ValueError: the chains have not decorrelated, with the time measured or what disagreed.
    """
    tell = tell or (lambda done: None)
    series = _longer(chains, _forgetful(chains, limit, tell), sweeps, tell)
    while accuracy is not None and series.samples * series.every < longest:
        error = float(observables(series)["magnetisation"].error.max())
        if error <= accuracy:
            break
        # a tenth more than the square-root law asks for: the error is an estimate itself
        wanted = 1.1 * (error / accuracy) ** 2 * series.samples * series.every
        series = _longer(chains, series, min(longest, math.ceil(wanted)), tell)
    return series


def _forgetful(chains: Chains, limit: int, tell: Tell) -> Series:
    """The first round that passes."""
    # ten of the longest times that the first round lets pass, unread: a start is no sample
    chains.advance(ROUND // 2)
    every = 1
    while True:
        series = _watched(chains, ROUND, every, tell)
        gap = chains.gap(series)
        if series.samples >= 20 * float(series.times.max()) and float(gap.max()) <= 5:
            chains.times = series.times * every
            return series
        if 2 * every * ROUND > limit:
            break
        every *= 2
    series.require_decorrelated(20)
    worst = int(gap.argmax())
    raise ValueError(
        f"at temperature={float(series.temperatures[worst]):g} chains that started ordered and at "
        f"random still differ by {float(gap[worst]):.1f} standard errors after {chains.sweeps} "
        f"sweeps; raise limit={limit}, or take a smaller lattice"
    )


def _longer(chains: Chains, series: Series, sweeps: int, tell: Tell) -> Series:
    missing = math.ceil(sweeps / series.every) - series.samples
    return (
        _joined([series, _watched(chains, missing, series.every, tell)]) if missing > 0 else series
    )


def _watched(chains: Chains, samples: int, every: int, tell: Tell) -> Series:
    parts = []
    for start in range(0, samples, ROUND // 8):
        parts.append(chains.record(min(ROUND // 8, samples - start), every=every))
        tell(chains.sweeps)
    return _joined(parts)


def _joined(parts: list[Series]) -> Series:
    """One series of several that follow each other."""
    first = parts[0]
    energy, order = (torch.cat([getattr(p, name) for p in parts]) for name in ("energy", "order"))
    return Series(first.temperatures, energy, order, first.sites, first.colours, first.every)
