import math
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from zoo.spin.integration import integrated
from zoo.spin.series import Series


class Estimate(NamedTuple):
    """A mean and its standard error at each temperature, (r,)."""

    value: Tensor
    error: Tensor


Moments = dict[str, Tensor]
"""Means of e, e², m, m², m⁴ per site, (r, ...)."""


def observables(series: Series) -> dict[str, Estimate]:
    """What a series of energies e and |M| m per site says, each with its standard error.

    energy <e>; magnetisation <m>; heat_capacity N β² var e; susceptibility N β var m, about the
    mean of |M|; binder 1 - <m⁴> / 3<m²>². With infinite temperature among the series'
    temperatures also free_energy and entropy, integrated from there (`integration`).

    Errors are those of a jackknife over independent blocks; values have its bias taken off.

    Raises:
        ValueError: the chains have not decorrelated, or are too few.
    """
    e, m = series.energy, series.order
    values = {"e": e, "ee": e * e, "m": m, "mm": m * m, "mmmm": m**4}
    blocks = {name: series.blocks(value) for name, value in values.items()}
    betas, sites = 1 / series.temperatures, series.sites
    found = {name: jackknife(blocks, of) for name, of in _functions(betas, sites).items()}
    if bool((betas == 0).any()) and len(betas) > 1:
        # F = -∞ at β = 0, so T times is taken last
        reduced = jackknife(blocks, lambda k: integrated(betas, sites, series.colours, k))
        entropy = jackknife(
            blocks,
            lambda k: _along(betas, k["e"]) * k["e"] - integrated(betas, sites, series.colours, k),
        )
        t = series.temperatures
        found["free_energy"] = Estimate(reduced.value * t, (reduced.error * t).nan_to_num())
        found["entropy"] = entropy
    return found


def _functions(betas: Tensor, sites: int) -> dict[str, Callable[[Moments], Tensor]]:
    def spread(of: str, factor: Tensor) -> Callable[[Moments], Tensor]:
        return lambda k: sites * _along(factor, k[of]) * (k[2 * of] - k[of] ** 2)

    return {
        "energy": lambda k: k["e"],
        "magnetisation": lambda k: k["m"],
        "heat_capacity": spread("e", betas**2),
        "susceptibility": spread("m", betas),
        "binder": lambda k: 1 - k["mmmm"] / (3 * k["mm"] ** 2),
    }


def _along(factor: Tensor, like: Tensor) -> Tensor:
    return factor.view(-1, *(1,) * (like.ndim - 1))


def jackknife(blocks: Moments, function: Callable[[Moments], Tensor]) -> Estimate:
    """A function of means, its bias of first order taken off, and its standard error.

    Args:
        blocks: means over k independent blocks of equal length, (r, k).
        function: of means (r,) or, elementwise, of (r, k).
    Source:
        Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), chapters 2 and 3.
    """
    count = next(iter(blocks.values())).shape[1]
    whole = {name: value.mean(1) for name, value in blocks.items()}
    without = {
        name: (count * whole[name][:, None] - value) / (count - 1) for name, value in blocks.items()
    }
    plain, left = function(whole), function(without)
    mean = left.mean(1)
    value = count * plain - (count - 1) * mean
    error = math.sqrt((count - 1) / count) * (left - mean[:, None]).square().sum(1).sqrt()
    return Estimate(value, error)
