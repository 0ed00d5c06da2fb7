from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric, periodic, relative, rms


def boundary_error(
    prediction: Float[Tensor, "b t c *n"], target: Float[Tensor, "b t c *n"], boundary: str
) -> Float[Tensor, "b t c"]:
    """Root mean square of û - u at the outermost points, over that of u everywhere.

    Args:
        prediction: û.
        target: u.
        boundary: the axes that it calls periodic have no outermost points.

    Raises:
        ValueError: every axis is periodic.
    """
    mask = outermost(target.shape[3:], boundary).to(target.device)
    error = (prediction - target).flatten(3)[..., mask.flatten()]
    return relative(error.square().mean(3).sqrt(), rms(target))


def outermost(grid: Sequence[int], boundary: str) -> Tensor:
    """The first and the last points along every axis that is not periodic, (*n) bool.

    Raises:
        ValueError: every axis is periodic.
    """
    turns = periodic(boundary, len(grid))
    if all(turns):
        raise ValueError(
            f"boundary={boundary!r}: a periodic box has no sides; leave the metric out"
        )
    mask = torch.zeros(*grid, dtype=torch.bool)
    for axis, turn in enumerate(turns):
        if not turn:
            mask.index_fill_(axis, torch.tensor([0, grid[axis] - 1]), True)
    return mask


class BoundaryError(FrameMetric):
    """Error at the outermost grid points, over the root mean square of the whole frame of truth.

    Relative to the whole frame, since what holds at a side is often that the field is zero there.

    Args:
        boundary: of the box, as in `Interface`; "dirichlet", or "x wall, y periodic".
        frames: as in FrameMetric.
        channels: as in FrameMetric.

    Raises:
        ValueError: the box is periodic.
    """

    titles: ClassVar[tuple[str, ...]] = ("boundary_error",)

    def __init__(
        self, boundary: str, frames: int = 1, *, channels: list[str] | None = None
    ) -> None:
        if boundary == "periodic":
            outermost((2,), boundary)
        super().__init__(frames, channels)
        self.boundary = boundary

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        mask = outermost(target.shape[3:], self.boundary).to(target.device).flatten()
        error = (prediction - target).flatten(3)[..., mask].square().mean(3).sqrt()
        return error[..., None], rms(target)[..., None]
