from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar, NoReturn

import torch
from torch import Tensor

from zoo.ops.jets import Jet


class Draw(ABC):
    """Traces of a Hessian estimated from one set of random draws; unbiased."""

    @abstractmethod
    def laplacian(self, axes: tuple[int, ...] | None) -> Tensor:
        """Σ ∂²u/∂x_i² over these coordinates, all if None, (b, c)."""

    @abstractmethod
    def trace(self, weights: Tensor) -> Tensor:
        """Σ_i w_i ∂²u/∂x_i² with weights (b, d), (b, c)."""


class TracedJet(Jet):
    """Another jet's value and first derivatives, with traces of second ones from random draws.

    It draws once, when a trace is first asked for: the same question has the same answer. All but
    traces is exact: the square of the gradient, and `derivative(i, j)` one at a time.

    Args:
        base: the jet.
        draw: draws so many times from PyTorch's global generator.
        count: how many times.
        name: of what is counted, in errors.

    Raises:
        NotImplementedError: all second derivatives at once, or the Hessian.
        ValueError: halves of an odd count.
    """

    exact: ClassVar[bool] = False

    def __init__(self, base: Jet, draw: Callable[[int], Draw], count: int, name: str) -> None:
        self._base, self._make, self._count, self._name = base, draw, count, name
        self._keep = torch.is_grad_enabled()
        self._known: dict[tuple[int, ...] | None, Tensor] = {}

    @cached_property
    def _draw(self) -> Draw:
        return self._make(self._count)

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._base.value

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._base.gradient

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        return self._base.derivative(*axes)

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        return self._base.along(direction)

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet; exact, as the gradient is."""
        return self._base.square_gradient(axes)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        key = None if axes is None else tuple(axes)
        if key not in self._known:
            with torch.set_grad_enabled(self._keep):
                self._known[key] = self._draw.laplacian(key)
        return self._known[key]

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        with torch.set_grad_enabled(self._keep):
            return self._draw.trace(weights)

    @cached_property
    def _halves(self) -> tuple[Jet, Jet]:
        half, odd = divmod(self._count, 2)
        if odd:
            raise ValueError(
                f"{self._name}={self._count} is odd and has no halves, which two independent "
                f"estimates need; take {self._name}={self._count + 1}"
            )
        with torch.set_grad_enabled(self._keep):
            first, last = (TracedJet(self._base, self._make, half, self._name) for _ in range(2))
        return first, last

    def halves(self) -> tuple[Jet, Jet]:
        """As in Jet: half the draws each, made anew; what is exact is computed once for both."""
        return self._halves

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """Not estimated."""
        self._refuse("second derivatives one by one")

    @property
    def hessian(self) -> Tensor:
        """Not estimated."""
        self._refuse("Hessian")

    def _refuse(self, what: str) -> NoReturn:
        raise NotImplementedError(
            f"an estimator of traces with {self._name}={self._count} gives no {what}: ask for "
            "laplacian(axes), trace(weights) or derivative(i, j), or take an exact estimator"
        )
