from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext
from zoo.ops.derivatives import at_start, central, spectral
from zoo.ops.norms import relative_l2

FLOOR = 1e-3
"""Least norm of a map, in units of the field's, that an error is divided by."""


class Derivative(Pretext):
    """Tell u_t, u_x, u_y, u_xx, u_yy of a window's first frame, of each channel.

    u_t by one-sided differences of second order. The loss is the mean over maps and samples of
    ||m̂ - m||₂ / max(||m||₂, 10⁻³ ||u||₂), with x in units of side / 2π and t in units of the
    window's duration, in which the head tells the maps and all are about as large as u. With
    `balanced` off it is one relative L2 error of all maps stacked, in physical units: the paper's.
    There the second derivatives, larger by a factor of the wave number, are all that counts.

    Shapes:
        batch u (b,t,c,*n), dx (b,d), dt (b,), t at least 3.

    Args:
        tap: as in Pretext.
        widths: as in Pretext, two.
        balanced: each map counts alike.
        space: derivatives in space by Fourier series, or by differences of second order.

    Raises:
        ValueError: fewer than 3 frames, or a box that is not periodic.

    Source:
        Zhou et al., arXiv 2406.08473 (Derivative), with balanced=False and space="differences".
        They divide by dx along y too; here each axis and sample has its own spacing.
    """

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
        balanced: bool = True,
        space: Literal["spectral", "differences"] = "spectral",
    ) -> None:
        super().__init__(tap, widths)
        if space not in ("spectral", "differences"):
            raise ValueError(f"space={space!r} must be 'spectral' or 'differences'")
        self.balanced, self.space = balanced, space

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        want = self.operator(model).interface
        if want.history < 3:
            raise ValueError(f"history={want.history}, but u_t takes 3 frames; give the model more")
        if interface.boundary != "periodic":
            raise ValueError(
                f"the box is {interface.boundary}, but Derivative takes it to be periodic; use "
                "another pretext task"
            )
        maps = (1 + 2 * want.dimension) * len(want.inputs)
        self.head = self.for_maps(model, interface, maps)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        u = batch["u"]
        maps = self.maps(u, batch["dx"], batch["dt"])
        told = self.head(self.tapped(model, u, batch["p"])).view_as(maps)
        if not self.balanced:
            return {"loss": relative_l2(told, maps).mean()}
        maps = maps * self.units(u, batch["dx"], batch["dt"])
        error = (told - maps).flatten(3).norm(dim=3)
        least = FLOOR * u[:, :1].flatten(3).norm(dim=3)
        size = torch.maximum(maps.flatten(3).norm(dim=3), least)
        return {"loss": (error / torch.where(size > 0, size, torch.ones_like(size))).mean()}

    def maps(self, u: Tensor, dx: Tensor, dt: Tensor) -> Tensor:
        """The derivatives in physical units, (b, 1 + 2 d, c, *n): in t, then ∂_i, then ∂_i²."""
        along = spectral if self.space == "spectral" else central
        first, axes = u[:, 0], range(u.ndim - 3)
        space = [along(first, axis, dx[:, axis], order) for order in (1, 2) for axis in axes]
        return torch.stack([at_start(u, dt), *space], 1)

    def units(self, u: Tensor, dx: Tensor, dt: Tensor) -> Tensor:
        """What makes each of the maps as large as u, (b, 1 + 2 d, 1, ...)."""
        points = torch.tensor(u.shape[3:], device=u.device)
        side = dx * points / (2 * torch.pi)
        both = torch.cat([(dt * (u.shape[1] - 1))[:, None], side, side**2], 1)
        return both.to(u.dtype).view(*both.shape, *[1] * (u.ndim - 2))
