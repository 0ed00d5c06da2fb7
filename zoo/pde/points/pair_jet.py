import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class PairJet(Jet):
    """Σ_i c_i sin θ(x_i, x_(i+1)) with θ(a, b) = a + cos b + b cos a; x_(d+1) is x_1.

    Computed in float64 and given in the precision of x; up to second derivatives. It carries the
    graph of x.

    Shapes:
        x (b, d), d >= 2; amplitudes (d,), float64.

    Args:
        x: the points.
        amplitudes: c_i.

    Raises:
        NotImplementedError: a third derivative is asked for.
    """

    def __init__(self, x: Tensor, amplitudes: Tensor) -> None:
        self._dtype = x.dtype
        first = x.double()
        self._next = first.roll(-1, 1)
        self._turn, self._slant = first.cos(), first.sin()
        phase = first + self._turn.roll(-1, 1) + self._next * self._turn
        self._sine, self._cosine = amplitudes * phase.sin(), amplitudes * phase.cos()

    def _out(self, values: Tensor) -> Tensor:
        return values[:, None].to(self._dtype)

    @functools.cached_property
    def _slopes(self) -> tuple[Tensor, Tensor]:
        """θ_a and θ_b."""
        return 1 - self._next * self._slant, self._turn - self._slant.roll(-1, 1)

    @functools.cached_property
    def _bends(self) -> tuple[Tensor, Tensor]:
        """∂²(c sin θ) by a twice and by b twice."""
        own, other = self._slopes
        own = -self._sine * own.square() - self._cosine * self._next * self._turn
        return own, -self._sine * other.square() - self._cosine * self._turn.roll(-1, 1)

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._out(self._sine.sum(1))

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        own, other = self._slopes
        return self._out(self._cosine * own + (self._cosine * other).roll(1, 1))

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        own, other = self._bends
        found = own + other.roll(1, 1)
        return self._out(found if axes is None else found[:, list(axes)])

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        if axes is not None and list(axes) != list(range(self._next.shape[1])):
            return super().laplacian(axes)
        own, other = self._bends
        return self._out(own.sum(1) + other.sum(1))

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        own, other = self._slopes
        mixed = -self._sine * own * other - self._cosine * self._slant
        # row i of the rolled identity marks the column i + 1; of two coordinates both pairs meet
        upper = mixed[:, :, None] * torch.eye(mixed.shape[1]).to(mixed).roll(1, 1)
        diagonal = torch.diag_embed(self.second()[:, 0].double())
        return self._out(diagonal + upper + upper.transpose(1, 2))

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        if len(axes) > 2:
            raise NotImplementedError(f"derivative{axes}: pairs know up to second derivatives")
        if len(axes) < 2:
            return self.gradient[..., axes[0]] if axes else self.value
        mixed = axes[0] != axes[1]
        return self.hessian[..., axes[0], axes[1]] if mixed else self.second(axes[:1])[..., 0]
