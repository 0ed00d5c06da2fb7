import math
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.frame_metric import FrameMetric, periodic, relative
from zoo.ops.derivatives import spectral


def h1_error(
    prediction: Float[Tensor, "b t c *n"],
    target: Float[Tensor, "b t c *n"],
    spacing: Float[Tensor, "b d"],
    boundary: str = "periodic",
) -> Float[Tensor, "b t c"]:
    """‖û - u‖ / ‖u‖ in H¹, with ‖u‖² = ⟨u²⟩ + (L / 2π)² ⟨|∇u|²⟩; NaN where u is zero.

    Args:
        prediction: û.
        target: u.
        spacing: of the grid, along each axis.
        boundary: spectral derivatives along the axes that it calls periodic, finite differences of
            second order along the others.
    """
    size = h1_norm(target, spacing, boundary)
    return relative(h1_norm(prediction - target, spacing, boundary), size)


def h1_norm(
    u: Float[Tensor, "b t c *n"], spacing: Float[Tensor, "b d"], boundary: str
) -> Float[Tensor, "b t c"]:
    """‖u‖ in H¹ of each frame and channel, as in `h1_error`; L is the longest side."""
    b, t, c, *grid = u.shape
    fields, sides = u.flatten(0, 1), spacing.to(u.dtype).repeat_interleave(t, 0)
    scale = (sides * torch.tensor(grid, dtype=u.dtype, device=u.device)).amax(1) / (2 * math.pi)
    total = fields.square()
    for axis, turns in enumerate(periodic(boundary, len(grid))):
        if turns:
            slope = spectral(fields, axis, sides[:, axis].contiguous(), 1)
        else:
            (slope,) = torch.gradient(fields, dim=2 + axis, edge_order=min(2, grid[axis] - 1))
            slope = slope / sides[:, axis].view(-1, *[1] * (fields.ndim - 1))
        total = total + (slope * scale.view(-1, *[1] * (fields.ndim - 1))).square()
    return total.flatten(2).mean(2).sqrt().view(b, t, c)


class H1Error(FrameMetric):
    """Error of a frame and its gradient: ‖û - u‖ / ‖u‖ in H¹, by step and channel.

    ‖u‖² = ⟨u²⟩ + (L / 2π)² ⟨|∇u|²⟩, with the longest side L, so that the figure does not depend on
    the unit of length; on a cubic periodic box it is Σ (1 + |k|²) |û_k|² over integer waves.

    Args:
        frames: as in FrameMetric.
        channels: as in FrameMetric.
        boundary: as in `h1_error`.
    """

    titles: ClassVar[tuple[str, ...]] = ("h1_error",)

    def __init__(
        self, frames: int = 1, channels: list[str] | None = None, *, boundary: str = "periodic"
    ) -> None:
        super().__init__(frames, channels)
        self.boundary = boundary

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric; the batch tells the spacing `dx`."""
        norms = (
            h1_norm(field, batch["dx"], self.boundary) for field in (prediction - target, target)
        )
        error, size = norms
        return error[..., None], size[..., None]
