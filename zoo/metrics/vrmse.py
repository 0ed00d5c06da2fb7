from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric, relative, rms

ROUND_OFF = 1e-6
"""A spread below this share of the root mean square is the rounding of float32, and counts as 0."""


def vrmse(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"]
) -> Float[Tensor, "b t c"]:
    """√(⟨(û - u)²⟩ / Var u), mean and variance over space; NaN where u is constant."""
    return relative(rms(prediction - target), _deviation(target))


class VRMSE(FrameMetric):
    """Root mean square error of single frames over the standard deviation of the truth in space.

    √(⟨(û - u)²⟩ / Var u), by step and channel: the spatial mean of the truth scores one, however
    large it is.

    Source:
        VRMSE of Ohana et al., The Well, NeurIPS 2024 (arXiv 2412.00568), with the variance of N - 1
        that their code takes, and without the 1e-7 that it adds.
    """

    titles: ClassVar[tuple[str, ...]] = ("vrmse",)

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        return rms(prediction - target)[..., None], _deviation(target)[..., None]


def _deviation(u: Tensor) -> Tensor:
    """Standard deviation over space, (b, t, c); zero where it is but round-off."""
    deviation = u.flatten(3).std(3)
    return torch.where(deviation > ROUND_OFF * rms(u), deviation, 0.0)
