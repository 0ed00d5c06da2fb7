"""Values and derivatives of a field at points, as equations consume them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor


class Jet(ABC):
    """A field and its derivatives at b points; each is computed when it is first asked for.

    Derivatives are with respect to the first d columns of x, the coordinates; the others are
    parameters, which are never differentiated. Whether a jet comes from automatic differentiation,
    from a closed form or from an estimator is nothing an equation can see.

    An estimator's jet is random: its mean over draws is the derivative. What is linear in one jet
    is then unbiased; a product of two estimates is unbiased only between the two of `halves`.

    Shapes:
        value (b, c), gradient (b, c, d), second (b, c, k), hessian (b, c, d, d).

    Raises:
        NotImplementedError: an estimator does not give a derivative; the text says which.
    """

    exact: ClassVar[bool] = True
    """Whether the derivatives are those of the field, to round-off; False for estimates."""

    @property
    @abstractmethod
    def value(self) -> Float[Tensor, "b c"]:
        """The field u itself."""

    @property
    @abstractmethod
    def gradient(self) -> Float[Tensor, "b c d"]:
        """∂u/∂x_i."""

    @abstractmethod
    def second(self, axes: Sequence[int] | None = None) -> Float[Tensor, "b c k"]:
        """∂²u/∂x_i² for each of these coordinates, all of them if left out; no mixed entries."""

    @property
    @abstractmethod
    def hessian(self) -> Float[Tensor, "b c d d"]:
        """∂²u/∂x_i∂x_j."""

    @abstractmethod
    def derivative(self, *axes: int) -> Float[Tensor, "b c"]:
        """The partial derivative by these coordinates in turn: `derivative(1, 1, 1)` is u_xxx."""

    def laplacian(self, axes: Sequence[int] | None = None) -> Float[Tensor, "b c"]:
        """Sum of the unmixed second derivatives over these coordinates, all if left out."""
        return self.second(axes).sum(-1)

    def trace(self, weights: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Σ_i w_i ∂²u/∂x_i² with weights of each point's own: tr(diag(w) ∇∇u)."""
        return (self.second() * weights[:, None]).sum(-1)

    def along(self, direction: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """The derivative along a direction of each point's own: v·∇u."""
        return (self.gradient * direction[:, None]).sum(-1)

    def halves(self) -> tuple["Jet", "Jet"]:
        """Two jets at the same points with independent errors; an exact one is both."""
        return self, self

    def square_gradient(self, axes: Sequence[int] | None = None) -> Float[Tensor, "b c"]:
        """|∇u|² over these coordinates, all if left out; estimators take independent halves."""
        gradient = self.gradient
        return (gradient if axes is None else gradient[..., list(axes)]).square().sum(-1)


class AutogradJet(Jet):
    """Derivatives by nested reverse passes: one pass a channel and order, over the summed output.

    Works under `torch.no_grad` too: what is handed out then carries no graph.

    Args:
        function: points (b, D) to values (b, c), each row on its own.
        x: the points.
        coordinates: how many of x's first columns are differentiated.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], x: Tensor, coordinates: int) -> None:
        self._keep = torch.is_grad_enabled()
        self._size = coordinates
        own = x[:, :coordinates]
        with torch.inference_mode(False), torch.enable_grad():
            # points of its own, so that x is never marked
            self._points = own.detach().clone().requires_grad_()
            # gradients still reach x where it carries a graph
            moved = self._points + (own - own.detach()) if x.requires_grad else self._points
            self._value = function(torch.cat([moved, x[:, coordinates:]], 1))
        self._known: dict[tuple[int, ...], Tensor] = {}

    def _out(self, tensor: Tensor) -> Tensor:
        return tensor if self._keep else tensor.detach()

    def _all(self, axes: tuple[int, ...]) -> Tensor:
        """Derivatives of ∂^axes u by every coordinate, (b, c, d)."""
        if axes not in self._known:
            with torch.inference_mode(False), torch.enable_grad():
                below = self._value if not axes else self._all(axes[:-1])[..., axes[-1]]
                self._known[axes] = torch.stack([self._row(one) for one in below.unbind(1)], 1)
        return self._known[axes]

    def _row(self, values: Tensor) -> Tensor:
        if not values.requires_grad:
            return torch.zeros_like(self._points)
        (row,) = torch.autograd.grad(
            values.sum(), self._points, create_graph=True, allow_unused=True
        )
        return torch.zeros_like(self._points) if row is None else row

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._out(self._value)

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._out(self._all(()))

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = range(self._size) if axes is None else axes
        return self._out(torch.stack([self._all((i,))[..., i] for i in wanted], -1))

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        return self._out(torch.stack([self._all((i,)) for i in range(self._size)], -2))

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        return self._out(self._all(tuple(axes[:-1]))[..., axes[-1]] if axes else self._value)
