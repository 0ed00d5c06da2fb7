from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric, relative, rms


def nrmse(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"]
) -> Float[Tensor, "b t c"]:
    """√(⟨(û - u)²⟩ / ⟨u²⟩), means over space; NaN where u is zero."""
    return relative(rms(prediction - target), rms(target))


class NRMSE(FrameMetric):
    """Root mean square error of single frames over the root mean square of the truth.

    √(⟨(û - u)²⟩ / ⟨u²⟩), ⟨⟩ over space, by step and channel.

    Source:
        NRMSE of Ohana et al., The Well, NeurIPS 2024 (arXiv 2412.00568), without the 1e-7 that
        their code adds below the line, which is not small for every unit.
    """

    titles: ClassVar[tuple[str, ...]] = ("nrmse",)

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        return rms(prediction - target)[..., None], rms(target)[..., None]
