import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def spacing(lengths: Sequence[float]) -> float:
    """Wave number between two shells of a box: that of one wave along its longest side."""
    return 2 * math.pi / max(lengths)


def count(shape: Sequence[int], lengths: Sequence[float], step: float) -> int:
    """Shells up to the highest wave that any axis of a grid resolves, that of the mean included."""
    highest = max(math.pi * n / side for n, side in zip(shape, lengths, strict=True))
    return int(highest / step + 0.5) + 1


def energy(
    u: Float[Tensor, "b c *n"], lengths: Sequence[float], step: float, shells: int
) -> Float[Tensor, "b c shells"]:
    """Energy by shell of wave numbers, E_j = Σ |û_k|² over the waves with round(|k| / step) = j.

    û are Fourier coefficients per volume, so by Parseval's theorem the shells add up to the mean
    square of the field, whatever its grid and box; E_0 is the square of the mean. The last shell
    also holds all waves beyond it. Of a box that is not periodic it is the spectrum of the field
    continued periodically.

    Args:
        u: fields; float64 inside.
        lengths: physical side lengths.
        step: width of a shell in wave numbers.
        shells: how many, that of the mean included.
    """
    axes = tuple(range(2, u.ndim))
    waves = torch.fft.rfftn(u.double(), dim=axes, norm="forward").abs().square()
    place, times = _places(u.shape[2:], lengths, step, shells, u.device)
    found = waves.new_zeros(*waves.shape[:2], shells)
    return found.index_add_(2, place.flatten(), (waves * times).flatten(2))


def _places(
    shape: Sequence[int], lengths: Sequence[float], step: float, shells: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Shell of each wave of a real transform, and how often the whole transform has the wave."""
    total = torch.zeros((), dtype=torch.float64, device=device)
    last = len(shape) - 1
    for axis, (n, side) in enumerate(zip(shape, lengths, strict=True)):
        along = torch.fft.rfftfreq if axis == last else torch.fft.fftfreq
        k = along(n, side / n / (2 * math.pi), dtype=torch.float64, device=device)
        view = [1] * len(shape)
        view[axis] = len(k)
        total = total + k.view(view).square()
    place = (total.sqrt() / step).round().long().clamp_max(shells - 1)
    column = torch.arange(shape[-1] // 2 + 1, device=device)
    # the half transform holds one of two conjugate waves, but 0 and the Nyquist wave are their own
    own = (column == 0) | (2 * column == shape[-1])
    return place, torch.where(own, 1.0, 2.0).double()
