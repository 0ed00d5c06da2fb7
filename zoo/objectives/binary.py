from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext


class Binary(Pretext):
    """Is a window's order of frames untouched (1), or were some of its frames permuted (0)?

    Half of the windows are touched: m frames of t, drawn at random, are put in another order than
    their own. The task grows harder over `ramp` training steps: the difficulty d goes from 0 to
    0.75, and m = min(t, max(2, floor(t (1 - d)) + 1)). Outside training it is always the hardest,
    so that figures of different steps compare. Cross entropy; an untouched window counts half.

    Shapes:
        batch u (b,t,c,*n), t at least 2.

    Args:
        tap: as in Pretext.
        widths: as in Pretext, three.
        ramp: training steps until the task is hardest.

    Raises:
        ValueError: a window of one frame.

    Source:
        Zhou et al., arXiv 2406.08473 (Binary), with t = 8.
    """

    steps: Tensor
    """Training steps so far; a checkpoint keeps it."""

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
        ramp: int = 2000,
    ) -> None:
        super().__init__(tap, widths)
        if ramp < 1:
            raise ValueError(f"ramp={ramp} must be at least 1 step")
        self.ramp = ramp
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        history = self.operator(model).interface.history
        if history < 2:
            raise ValueError(f"history={history} has no order; Binary needs at least 2 frames")
        self.head = self.for_numbers(model, interface, 1)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        window, untouched = self.touch(batch["u"])
        if self.training:
            self.steps += 1
        logits = self.head(self.tapped(model, window, batch["p"])).squeeze(1)
        half = logits.new_tensor(0.5)
        loss = F.binary_cross_entropy_with_logits(logits, untouched.to(logits), pos_weight=half)
        return {"loss": loss, "accuracy": ((logits > 0) == untouched).float().mean()}

    def moved(self, frames: int) -> int:
        """How many frames of a touched window are permuted, at this step."""
        step = min(int(self.steps), self.ramp) if self.training else self.ramp
        # floor(t (1 - 3/4 step/ramp)), in whole numbers
        left = frames + (-3 * frames * step) // (4 * self.ramp)
        return min(frames, max(2, left + 1))

    def touch(self, u: Float[Tensor, "b t c *n"]) -> tuple[Float[Tensor, "b t c *n"], Tensor]:
        """Windows of which about half are touched, and which ones are not, (b,)."""
        b, t = u.shape[:2]
        untouched = torch.rand(b, device=u.device) < 0.5
        order = disordered(b, t, self.moved(t), u.device)
        order = torch.where(untouched[:, None], torch.arange(t, device=u.device), order)
        return u[torch.arange(b, device=u.device)[:, None], order], untouched


def disordered(count: int, frames: int, moved: int, device: torch.device) -> Int[Tensor, "b t"]:
    """Orders of frames in which `moved` drawn ones are permuted, never each to its own place."""
    own = torch.arange(moved, device=device)
    order = own.expand(count, moved)
    while bool((same := (order == own).all(1)).any()):
        drawn = torch.rand(count, moved, device=device).argsort(1)
        order = torch.where(same[:, None], drawn, order)
    chosen = torch.rand(count, frames, device=device).argsort(1)[:, :moved].sort(1).values
    whole = torch.arange(frames, device=device).repeat(count, 1)
    return whole.scatter(1, chosen, chosen.gather(1, order))
