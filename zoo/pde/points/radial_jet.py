from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet

Partials = Mapping[tuple[int, int], Tensor]
"""∂_t^m ∂_q^n F, (b,), by (m, n) with m + n <= 2; what is left out is zero."""


class RadialJet(Jet):
    """F(t, q) with q = |x|²: ∂u/∂x_i = 2 x_i F_q and ∂²u/∂x_i∂x_j = 2 δ_ij F_q + 4 x_i x_j F_qq.

    Computed in float64 and given in the precision of the points; up to second derivatives. It
    carries the graph of the points.

    Shapes:
        x (b, 1 + N): time, then the place.

    Args:
        x: the points.
        partials: F and its derivatives from t and q, (b,) both.

    Raises:
        NotImplementedError: a third derivative is asked for.
    """

    def __init__(self, x: Tensor, partials: Callable[[Tensor, Tensor], Partials]) -> None:
        self._dtype = x.dtype
        points = x.double()
        self._place = points[:, 1:]
        self._square = self._place.square().sum(1)
        self._known = dict(partials(points[:, 0], self._square))

    def _partial(self, in_time: int, in_square: int) -> Tensor:
        known = self._known.get((in_time, in_square))
        return torch.zeros_like(self._square) if known is None else known

    def _out(self, values: Tensor) -> Tensor:
        return values[:, None].to(self._dtype)

    def _split(self, axes: Sequence[int] | None) -> tuple[int, Tensor, Tensor]:
        """How often time is among the axes; the other columns, (b, k), and their square, (b,)."""
        size = self._place.shape[1]
        axes = list(range(1 + size) if axes is None else axes)
        spatial = [axis - 1 for axis in axes if axis]
        if spatial == list(range(size)):
            return len(axes) - size, self._place, self._square
        place = self._place[:, spatial]
        return len(axes) - len(spatial), place, place.square().sum(1)

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._out(self._partial(0, 0))

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        rate, slope = self._partial(1, 0)[:, None], self._partial(0, 1)[:, None]
        return self._out(torch.cat([rate, 2 * slope * self._place], 1))

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        slope, bend = self._partial(0, 1)[:, None], self._partial(0, 2)[:, None]
        all_of_them = [self._partial(2, 0)[:, None], 2 * slope + 4 * bend * self._place.square()]
        whole = torch.cat(all_of_them, 1)
        return self._out(whole if axes is None else whole[:, list(axes)])

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        place = self._place
        mixed = 2 * self._partial(1, 1)[:, None] * place
        outer = 4 * self._partial(0, 2)[:, None, None] * place[:, :, None] * place[:, None]
        corner = self._partial(2, 0)[:, None]
        diagonal = 2 * self._partial(0, 1)[:, None, None] * torch.eye(place.shape[1]).to(place)
        below = torch.cat([mixed[:, :, None], outer + diagonal], 2)
        return self._out(torch.cat([torch.cat([corner, mixed], 1)[:, None], below], 1))

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        if len(axes) > 2:
            raise NotImplementedError(
                f"derivative{axes}: a radial closed form knows up to second derivatives"
            )
        in_time, place, _ = self._split(axes)
        spatial = place.shape[1]
        found = 2**spatial * place.prod(1) * self._partial(in_time, spatial)
        if spatial == 2 and len(set(axes)) == 1:
            found = found + 2 * self._partial(0, 1)
        return self._out(found)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        in_time, place, square = self._split(axes)
        bend = 2 * place.shape[1] * self._partial(0, 1) + 4 * square * self._partial(0, 2)
        return self._out(bend + in_time * self._partial(2, 0))

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        in_time, spatial = weights[:, 0].double(), weights[:, 1:].double()
        bend = 4 * (spatial * self._place.square()).sum(1) * self._partial(0, 2)
        slope = 2 * spatial.sum(1) * self._partial(0, 1)
        return self._out(in_time * self._partial(2, 0) + slope + bend)

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        rate = direction[:, 0].double() * self._partial(1, 0)
        outward = (direction[:, 1:].double() * self._place).sum(1)
        return self._out(rate + 2 * outward * self._partial(0, 1))

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        in_time, _, square = self._split(axes)
        spatial = 4 * square * self._partial(0, 1).square()
        return self._out(spatial + in_time * self._partial(1, 0).square())
