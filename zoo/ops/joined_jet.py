from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class JoinedJet(Jet):
    """Jets of groups of points, one group after another.

    Where numbers must not depend on what else is in a batch, each point is a group.

    Args:
        jets: of the groups, one at least; all estimates or all exact.
        counts: how many points each has.
    """

    def __init__(self, jets: Sequence[Jet], counts: Sequence[int]) -> None:
        self._jets, self._counts = list(jets), list(counts)

    @property
    def exact(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As in Jet."""
        return self._jets[0].exact

    def _each(self, one: Callable[[Jet], Tensor]) -> Tensor:
        return torch.cat([one(jet) for jet in self._jets])

    def _with(self, one: Callable[[Jet, Tensor], Tensor], given: Tensor) -> Tensor:
        parts = given.split(self._counts)
        return torch.cat([one(*pair) for pair in zip(self._jets, parts, strict=True)])

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.value)

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.gradient)

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.second(axes))

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.laplacian(axes))

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        return self._with(lambda jet, part: jet.trace(part), weights)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.hessian)

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.derivative(*axes))

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        return self._with(lambda jet, part: jet.along(part), direction)

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._each(lambda jet: jet.square_gradient(axes))

    def halves(self) -> tuple[Jet, Jet]:
        """As in Jet."""
        pairs = [jet.halves() for jet in self._jets]
        first, last = ([pair[i] for pair in pairs] for i in (0, 1))
        return JoinedJet(first, self._counts), JoinedJet(last, self._counts)
