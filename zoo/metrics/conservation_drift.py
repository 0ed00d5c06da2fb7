from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric, relative, rms


def mean_drift(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"]
) -> Float[Tensor, "b t c"]:
    """|⟨û⟩ - ⟨u⟩| / √⟨u²⟩, means over space: of the integral over the box, too."""
    return relative(_off(prediction, target), rms(target))


def square_drift(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"]
) -> Float[Tensor, "b t c"]:
    """|⟨û²⟩ - ⟨u²⟩| / ⟨u²⟩, means over space."""
    return relative(_off(prediction.square(), target.square()), rms(target).square())


class ConservationDrift(FrameMetric):
    """How far the mean and the mean square of a channel leave those of the truth, by step.

    `mean_drift` is |⟨û⟩ - ⟨u⟩| / √⟨u²⟩ and `square_drift` |⟨û²⟩ - ⟨u²⟩| / ⟨u²⟩, ⟨⟩ over space, of
    which integrals over the box are a multiple. A quantity that the truth keeps drifts by what the
    prediction loses; one that the truth changes is compared with the change it should show.
    """

    titles: ClassVar[tuple[str, ...]] = ("mean_drift", "square_drift")

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        off = (_off(prediction, target), _off(prediction.square(), target.square()))
        size = rms(target)
        return torch.stack(off, 3), torch.stack((size, size.square()), 3)


def _off(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).flatten(3).mean(3).abs()
