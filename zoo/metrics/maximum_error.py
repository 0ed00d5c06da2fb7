from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric


def maximum_error(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"]
) -> Float[Tensor, "b t c"]:
    """Largest error at a point, max |û - u| over space."""
    return (prediction - target).flatten(3).abs().amax(3)


class MaximumError(FrameMetric):
    """Largest error at a point of each frame, max |û - u|, averaged over samples.

    Units:
        of the channel.

    Source:
        L∞ of Ohana et al., The Well, NeurIPS 2024 (arXiv 2412.00568).
    """

    titles: ClassVar[tuple[str, ...]] = ("maximum_error",)
    dimensional: ClassVar[bool] = True

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        error = maximum_error(prediction, target)[..., None]
        return error, torch.ones_like(error)
