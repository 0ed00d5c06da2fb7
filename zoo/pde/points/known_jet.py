from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class KnownJet(Jet):
    """A field whose derivatives are computed by other means than automatic differentiation.

    Carries no graph.

    Args:
        derivative: the partial derivative (b, c) by coordinates given in rising order; the value
            for none.
        coordinates: how many coordinates there are.
    """

    def __init__(self, derivative: Callable[[tuple[int, ...]], Tensor], coordinates: int) -> None:
        self._derivative = derivative
        self._size = coordinates
        self._known: dict[tuple[int, ...], Tensor] = {}

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self.derivative()

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return torch.stack([self.derivative(i) for i in range(self._size)], -1)

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = range(self._size) if axes is None else axes
        return torch.stack([self.derivative(i, i) for i in wanted], -1)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        sides = range(self._size)
        rows = [torch.stack([self.derivative(i, j) for j in sides], -1) for i in sides]
        return torch.stack(rows, -2)

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        asked = tuple(sorted(axes))
        if asked not in self._known:
            with torch.no_grad():
                self._known[asked] = self._derivative(asked)
        return self._known[asked]
