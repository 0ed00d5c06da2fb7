import torch
from torch import Tensor

from zoo.spin.observables import Estimate


def crossing(temperatures: Tensor, first: Estimate, second: Estimate) -> tuple[float, float]:
    """The temperature where two curves cross, with its standard error.

    Of two sizes' Binder cumulants it is the critical temperature, up to corrections that vanish
    with size. The curves are lines between temperatures; where noise makes them cross more than
    once, the crossing with the steepest difference is taken.

    Args:
        temperatures: in rising order, finite.
        first: one size's.
        second: the other's.

    Raises:
        ValueError: they do not cross.
    Source:
        Binder, Z. Phys. B 43 (1981).
    """
    gap = first.value - second.value
    error = (first.error**2 + second.error**2).sqrt()
    crossed = gap[:-1].sign() != gap[1:].sign()
    if not bool(crossed.any()):
        raise ValueError(
            f"the curves do not cross between {float(temperatures[0]):g} and "
            f"{float(temperatures[-1]):g}; the smallest gap is {float(gap.abs().min()):.2g}"
        )
    steepness = torch.where(crossed, gap.diff().abs(), torch.zeros_like(gap[1:]))
    i = int(steepness.argmax())
    share = gap[i] / (gap[i] - gap[i + 1])
    width = temperatures[i + 1] - temperatures[i]
    slope = (gap[i + 1] - gap[i]) / width
    spread = (((1 - share) * error[i]) ** 2 + (share * error[i + 1]) ** 2).sqrt()
    return float(temperatures[i] + share * width), float(spread / slope.abs())
