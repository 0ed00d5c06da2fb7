from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class RidgeJet(Jet):
    """Σ_k c_k φ(w_k·x + s_k): whatever is asked costs one product with the k directions.

    Computed in float64 and given in the precision of x. It carries the graph of x.

    Shapes:
        x (b, D), whose first d columns are the coordinates; weights (k, d); shifts, amplitudes
        (k,), float64 all three.

    Args:
        x: the points.
        profile: the n-th derivative of φ at phases (b, k), for n = 0, 1, 2 and as far as it goes.
        weights: w_k.
        shifts: s_k.
        amplitudes: c_k.
    """

    def __init__(
        self,
        x: Tensor,
        profile: Callable[[Tensor, int], Tensor],
        *,
        weights: Tensor,
        shifts: Tensor,
        amplitudes: Tensor,
    ) -> None:
        self._dtype = x.dtype
        self._profile = profile
        self._weights = weights
        self._amplitudes = amplitudes
        self._phase = x[:, : weights.shape[1]].double() @ weights.T + shifts
        self._known: dict[int, Tensor] = {}

    def _terms(self, order: int) -> Tensor:
        """c_k φ^(n)(θ_k), (b, k)."""
        if order not in self._known:
            self._known[order] = self._amplitudes * self._profile(self._phase, order)
        return self._known[order]

    def _chosen(self, axes: Sequence[int] | None) -> Tensor:
        return self._weights if axes is None else self._weights[:, list(axes)]

    def _out(self, values: Tensor) -> Tensor:
        return values[:, None].to(self._dtype)

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self.derivative()

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._out(self._terms(1) @ self._weights)

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._out(self._terms(2) @ self._chosen(axes).square())

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        weights = self._weights
        return self._out(torch.einsum("bk,ki,kj->bij", self._terms(2), weights, weights))

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        return self._out(self._terms(len(axes)) @ self._weights[:, list(axes)].prod(1))

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._out(self._terms(2) @ self._chosen(axes).square().sum(1))

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        spread = weights.double() @ self._weights.T.square()
        return self._out((self._terms(2) * spread).sum(1))

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        return self._out((self._terms(1) * (direction.double() @ self._weights.T)).sum(1))

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        chosen, slopes = self._chosen(axes), self._terms(1)
        return self._out((slopes @ (chosen @ chosen.T) * slopes).sum(1))


def sine(phase: Tensor, order: int) -> Tensor:
    """The n-th derivative of the sine."""
    turned = phase.cos() if order % 2 else phase.sin()
    return -turned if order % 4 > 1 else turned
