from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class ProductJet(Jet):
    """u = g + b N by the product rule: Δu = Δg + bΔN + 2∇b·∇N + NΔb.

    Of N only what is asked for is computed: a Laplacian takes its Laplacian, its value, and its
    derivative along ∇b where ∇b is not zero. All but the square of the gradient is linear in N, so
    that it has no bias where N's estimates have none.

    Args:
        known: g, exact.
        factor: b, exact, with one output or as many as N.
        field: N, exact or estimated.
    """

    def __init__(self, known: Jet, factor: Jet, field: Jet) -> None:
        self._g, self._b, self._n = known, factor, field

    @property
    def exact(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As in Jet: whether N's are."""
        return self._n.exact

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._g.value + self._b.value * self._n.value

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        return self._g.gradient + b.value[..., None] * n.gradient + n.value[..., None] * b.gradient

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        found = self._g.second(axes) + b.value[..., None] * n.second(axes)
        found = found + n.value[..., None] * b.second(axes)
        slope = _columns(b.gradient, axes)
        if not bool(slope.any()):
            return found
        return found + 2 * slope * _columns(n.gradient, axes)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        found = self._g.laplacian(axes) + b.value * n.laplacian(axes) + n.value * b.laplacian(axes)
        return found + 2 * self._slope(_only(b.gradient, axes))

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        found = self._g.trace(weights) + b.value * n.trace(weights) + n.value * b.trace(weights)
        return found + 2 * self._slope(b.gradient * weights[:, None])

    def _slope(self, direction: Tensor, field: Jet | None = None) -> Tensor | float:
        """N's derivative along directions (b, 1 or c, d), each output along its own."""
        # an estimate of the gradient is not drawn where nothing needs it
        if not bool(direction.any()):
            return 0.0
        n = self._n if field is None else field
        if direction.shape[1] == 1:
            return n.along(direction[:, 0])
        each = [n.along(one)[:, i] for i, one in enumerate(direction.unbind(1))]
        return torch.stack(each, 1)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        cross = b.gradient[..., :, None] * n.gradient[..., None, :]
        whole = b.value[..., None, None] * n.hessian + n.value[..., None, None] * b.hessian
        return self._g.hessian + whole + cross + cross.mT

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet: Leibniz' rule, of any order that N knows."""
        found, places = self._g.derivative(*axes), range(len(axes))
        for count in range(len(axes) + 1):
            for chosen in combinations(places, count):
                slope = self._b.derivative(*(axes[i] for i in chosen))
                if bool(slope.any()):
                    rest = (axes[i] for i in places if i not in chosen)
                    found = found + slope * self._n.derivative(*rest)
        return found

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        b, n = self._b, self._n
        known = self._g.along(direction) + n.value * b.along(direction)
        return known + b.value * n.along(direction)

    def halves(self) -> tuple[Jet, Jet]:
        """As in Jet."""
        first, last = (ProductJet(self._g, self._b, half) for half in self._n.halves())
        return first, last

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet: |a|² + 2b a·∇N + b²|∇N|² with a = ∇g + N∇b.

        Where a is an estimate, its two factors come from N's halves, a·∇N from one of each.
        """
        b, n = self._b, self._n
        rising = bool(_columns(b.gradient, axes).any())
        one, two = n.halves() if rising and not n.exact else (n, n)
        a1, a2 = (
            _only(self._g.gradient + h.value[..., None] * b.gradient, axes) for h in (one, two)
        )
        cross = self._slope(a1, two) + self._slope(a2, one)
        return (a1 * a2).sum(-1) + b.value * cross + b.value.square() * n.square_gradient(axes)


def _columns(tensor: Tensor, axes: Sequence[int] | None) -> Tensor:
    return tensor if axes is None else tensor[..., list(axes)]


def _only(tensor: Tensor, axes: Sequence[int] | None) -> Tensor:
    """The same with zeros in the other columns."""
    if axes is None:
        return tensor
    kept = torch.zeros_like(tensor)
    kept[..., list(axes)] = tensor[..., list(axes)]
    return kept
