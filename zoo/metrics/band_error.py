import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric
from zoo.metrics.vrmse import ROUND_OFF

BANDS = ("low", "mid", "high")


def edges(shape: Sequence[int]) -> Tensor:
    """Upper ends of the low, middle and high band of |k|, radians per grid point, float32.

    From 2π / max n to π √d in three equal ratios; the low band begins at zero. On grids such as
    32 x 32 an end falls on a wave but for 1e-7: float32, and this way of dividing, say on which
    side it is, as in The Well.
    """
    low, high = math.log10(2 * math.pi / max(shape)), math.log10(math.pi * len(shape) ** 0.5 + 1e-6)
    return torch.logspace(low, high, 4)[1:]


def banded(u: Float[Tensor, "b t c *n"]) -> Float[Tensor, "b t c bands"]:
    """⟨u²⟩ of each frame from the waves of each band; their sum is that of all (Parseval)."""
    grid = u.shape[3:]
    waves = torch.fft.rfftn(u, dim=tuple(range(3, u.ndim)))
    power = (waves.real.square() + waves.imag.square()) / math.prod(grid) ** 2
    k, times = _waves(grid, u.device)
    # the last band ends at the longest wave of all
    number = torch.bucketize(k, edges(grid).to(k.device), right=True).clamp_max(2)
    found = power.new_zeros(*power.shape[:3], len(BANDS))
    flat = (power * times.to(power)).flatten(3)
    return found.index_add_(3, number.flatten(), flat)


class BandError(FrameMetric):
    """Error of the long, middle and short waves: √(⟨(û - u)²⟩_band / ⟨u²⟩_band) of each frame.

    Bands of |k| as in `edges`: at 32 x 32 the waves up to 2, up to 7, and the others. A band in
    which the truth has nothing but the rounding of float32 is undefined. Fields that are not
    periodic are taken as if they were: their jumps at the sides stand in the high band.

    Source:
        the binned spectral error of Ohana et al., The Well, NeurIPS 2024 (arXiv 2412.00568), its
        `nmse_per_bin`, of which this is the root, without the 1e-7 that their code adds.
    """

    titles: ClassVar[tuple[str, ...]] = tuple(f"{band}_band_nrmse" for band in BANDS)

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        size = banded(target)
        floor = ROUND_OFF**2 * size.sum(3, keepdim=True)
        size = torch.where(size > floor, size, 0.0)
        return banded(prediction - target).sqrt(), size.sqrt()


def _waves(grid: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """|k| in radians per grid point of each wave of a real transform, and how often it stands."""
    total = torch.zeros(())
    for axis, n in enumerate(grid):
        along = torch.fft.rfftfreq if axis == len(grid) - 1 else torch.fft.fftfreq
        k = 2 * math.pi * along(n)
        total = total + k.square().view([-1 if i == axis else 1 for i in range(len(grid))])
    column = torch.arange(grid[-1] // 2 + 1)
    # the half transform holds one of two conjugate waves, but 0 and the Nyquist wave are their own
    own = (column == 0) | (2 * column == grid[-1])
    return total.sqrt().to(device), torch.where(own, 1.0, 2.0).expand_as(total).to(device)
