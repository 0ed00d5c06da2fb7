from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.ops.taylor import Slot, taylor
from zoo.ops.trunk import Trunk


def pairs(size: int) -> list[Slot]:
    """All second derivatives by so many coordinates."""
    return [(pair,) for pair in combinations_with_replacement(range(size), 2)]


def flow(known: Mapping[Slot, Tensor], size: int, *more: int) -> Tensor:
    """∂^more of Σ_j ∂_j (∂_j b_i - ∂_i b_j) for each i, of the potentials' derivatives.

    Shapes:
        known: (b, c) each, the potentials first; result: (b, size).
    """

    def by(i: int, j: int, potential: int) -> Tensor:
        return known[(tuple(sorted((i, j, *more))),)][:, potential]

    # j = i cancels
    rows = [[by(j, j, i) - by(i, j, j) for j in range(size) if j != i] for i in range(size)]
    return torch.stack([torch.stack(row).sum(0) for row in rows], 1)


class DivergenceFreeJet(Jet):
    """Value and gradient of a field made of potentials' second derivatives, made together.

    They are second and third derivatives of a perceptron. Higher orders come from another jet.

    Args:
        trunk: as in PerceptronJet; its first d outputs are the potentials.
        first: as in PerceptronJet, (n, d).
        fallback: as in PerceptronJet.
    """

    def __init__(self, trunk: Trunk, first: Tensor, fallback: Callable[[], Jet]) -> None:
        self._trunk, self._first, self._fallback = trunk, first, fallback
        self._keep = torch.is_grad_enabled()
        self._size = first.shape[1]

    @cached_property
    def _both(self) -> tuple[Tensor, Tensor]:
        axes, size = range(self._size), self._size
        wanted = [((i,),) for i in axes]
        wanted += [(triple,) for triple in combinations_with_replacement(axes, 3)]
        with torch.set_grad_enabled(self._keep):
            known = taylor(self._trunk, self._first, wanted)
            value = torch.cat([flow(known, size), self._trunk.value[:, size:]], 1)
            slopes = [torch.cat([flow(known, size, k), known[((k,),)][:, size:]], 1) for k in axes]
            return value, torch.stack(slopes, -1)

    @cached_property
    def _other(self) -> Jet:
        with torch.set_grad_enabled(self._keep):
            return self._fallback()

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._both[0]

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._both[1]

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._other.second(axes)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        return self._other.hessian

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        if len(axes) < 2:
            return self.gradient[..., axes[0]] if axes else self.value
        return self._other.derivative(*axes)
