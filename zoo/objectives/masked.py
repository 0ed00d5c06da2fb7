from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext
from zoo.ops.patches import cut, join, numbers


class Masked(Pretext):
    """Fill in a window of which most patches are hidden: mean of |û - u| over hidden points.

    A patch is a few frames of a small square, all channels; each sample hides patches of its own,
    always the same number. In their place stands one learnable token, 0 to begin with.

    Shapes:
        batch u (b,t,c,*n); all t frames and c channels are filled in.

    Args:
        tap: as in Pretext.
        widths: as in Pretext, two.
        frames: frames of a patch.
        size: points of a patch along each axis of space.
        share: share of the patches that is hidden.

    Raises:
        ValueError: the patches do not divide the frames or the grid, or hide nothing or all.

    Source:
        Zhou et al., arXiv 2406.08473 (Masked).
    """

    token: Tensor

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
        frames: int = 2,
        size: int = 4,
        share: float = 0.75,
    ) -> None:
        super().__init__(tap, widths)
        if frames < 1 or size < 1 or not 0 < share < 1:
            raise ValueError(
                f"frames={frames}, size={size}, share={share}: a patch has at least one point, and "
                "a share between 0 and 1 is hidden"
            )
        self.frames, self.size, self.share = frames, size, share

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        want = self.operator(model).interface
        slots = want.history * len(want.inputs)
        self.head = self.for_maps(model, interface, slots)
        patch = (self.frames, len(want.inputs), *[self.size] * want.dimension)
        self.token = nn.Parameter(torch.zeros(patch))

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        u = batch["u"]
        window, hidden = self.mask(u)
        filled = self.head(self.tapped(model, window, batch["p"])).view_as(u)
        error = (filled - u).abs() * hidden
        return {"loss": error.sum() / hidden.sum()}

    def mask(
        self, u: Float[Tensor, "b t c *n"]
    ) -> tuple[Float[Tensor, "b t c *n"], Bool[Tensor, "b t c *n"]]:
        """The window with tokens in it, and which of its points they hide."""
        counts = numbers(u, (self.frames, *[self.size] * (u.ndim - 3)))
        patches = cut(u, counts)
        total = patches.shape[1]
        number = round(self.share * total)
        if not 0 < number < total:
            raise ValueError(
                f"share={self.share} of {total} patches hides {number}; hide some and keep some, "
                "with another share or smaller patches"
            )
        rank = torch.rand(len(u), total, device=u.device).argsort(1)
        hidden = (rank < number).view(len(u), total, *[1] * (patches.ndim - 2))
        hidden = hidden.expand_as(patches)
        return join(torch.where(hidden, self.token, patches), counts), join(hidden, counts)
