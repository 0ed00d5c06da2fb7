from collections.abc import Callable, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.ops.axes import chosen
from zoo.ops.jets import Jet
from zoo.ops.laplacian import laplacian
from zoo.ops.reverse import reverse, to_points
from zoo.ops.rotation import rotated
from zoo.ops.taylor import HIGHEST, Index, Slot, taylor
from zoo.ops.trunk import Trunk

FEW = 3
"""Coordinates up to which a Laplacian goes forward with each of its terms by itself."""


class PerceptronJet(Jet):
    """Derivatives of a perceptron in closed form; all of them share one forward pass.

    The gradient is one reverse pass for all outputs. Other derivatives up to the third order go
    forward beside the values, each with the lower ones that it needs and no others; a Laplacian is
    one quantity. A gradient of more outputs than coordinates goes forward too. What is known
    already is not made again: after all second derivatives the gradient costs nothing.

    A Laplacian of many coordinates takes the first derivatives of all layers, forward, and what
    reaches the layers in the gradient's pass. They are no more than the first layer is wide.

    Where gradients are not recorded, as under `torch.no_grad`, neither are these.

    Args:
        trunk: the forward pass.
        first: the first layer's columns that are differentiated, times the normaliser's rates.
        fallback: another jet of the same field at the same points, for orders above the third.
        chunk: coordinates of a Laplacian of many that are worked on at a time, see `laplacian`.
    """

    def __init__(
        self,
        trunk: Trunk,
        first: Tensor,
        fallback: Callable[[], Jet],
        chunk: int | None = None,
    ) -> None:
        self._trunk, self._first, self._fallback = trunk, first, fallback
        self._size = first.shape[1]
        self.chunk = chunk
        self._keep = torch.is_grad_enabled()
        self._known: dict[Slot, Tensor] = {}
        self._sums: dict[tuple[int, ...], Tensor] = {}
        self._gradient: Tensor | None = None
        self._other: Jet | None = None

    def _get(self, slots: Sequence[Slot]) -> list[Tensor]:
        if any(slot not in self._known for slot in slots):
            wanted = [slot for slot in slots if slot not in self._known]
            with torch.set_grad_enabled(self._keep):
                self._known |= taylor(self._trunk, self._first, wanted)
        return [self._known[slot] for slot in slots]

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._trunk.value

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        if self._gradient is None:
            slots = [((i,),) for i in range(self._size)]
            forward = self._trunk.value.shape[1] > self._size
            if forward or all(slot in self._known for slot in slots):
                self._gradient = torch.stack(self._get(slots), -1)
            else:
                with torch.set_grad_enabled(self._keep):
                    self._gradient = to_points(self._reverse[0], self._first)
        return self._gradient

    @cached_property
    def _reverse(self) -> tuple[Tensor, list[Tensor]]:
        with torch.set_grad_enabled(self._keep):
            return reverse(self._trunk)

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = range(self._size) if axes is None else axes
        return torch.stack(self._get([((i, i),) for i in wanted]), -1)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = tuple(range(self._size) if axes is None else axes)
        each: list[Slot] = [((i, i),) for i in wanted]
        if all(slot in self._known for slot in each):
            return self.second(wanted).sum(-1)
        if not self._many(len(wanted)):
            return self._get([tuple((i, i) for i in sorted(wanted))])[0]
        if wanted not in self._sums:
            with torch.set_grad_enabled(self._keep):
                columns = chosen(self._first, axes)
                few = rotated(columns)
                self._sums[wanted] = self._twice(few.mT[:, None], lower=few is not columns)
        return self._sums[wanted]

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        if not self._many(self._size):
            return super().trace(weights)
        with torch.set_grad_enabled(self._keep):
            return self._twice(self._first.mT[:, None], weights.mT)

    def _many(self, count: int) -> bool:
        """Whether so many directions go forward together, and outputs in the reverse pass."""
        return count > FEW and self._trunk.value.shape[1] <= count

    def _twice(self, tangents: Tensor, shares: Tensor | None = None, lower: bool = False) -> Tensor:
        adjoints = self._reverse[1]
        return laplacian(self._trunk, adjoints, tangents, shares, self.chunk, lower)

    def twice(self, directions: Tensor, shares: Tensor | None = None) -> Tensor:
        """Σ_k w_k v_k·∇∇u v_k, (b, c).

        Args:
            directions: v, the same for all points or each point's own, (m, 1 or b, d).
            shares: w, (m, b); 1 if left out.
        """
        with torch.set_grad_enabled(self._keep):
            return self._twice(directions @ self._first.mT, shares)

    def twice_by(self, places: Tensor, shares: Tensor | None = None) -> Tensor:
        """The same along coordinates: Σ_k w_k ∂²u/∂x_k².

        Args:
            places: the coordinates, (m, 1 or b).
            shares: as in `twice`.
        """
        with torch.set_grad_enabled(self._keep):
            return self._twice(F.embedding(places, self._first.mT), shares)

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        with torch.set_grad_enabled(self._keep):
            return chosen(self.gradient, axes).square().sum(-1)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        axes = range(self._size)
        half: list[Slot] = [((i, j),) for i in axes for j in axes if i <= j]
        known = dict(zip(half, self._get(half), strict=True))
        rows = [torch.stack([known[(_index(i, j),)] for j in axes], -1) for i in axes]
        return torch.stack(rows, -2)

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        if not axes:
            return self.value
        if len(axes) == 1:
            return self.gradient[..., axes[0]]
        if len(axes) <= HIGHEST:
            return self._get([(_index(*axes),)])[0]
        if self._other is None:
            with torch.set_grad_enabled(self._keep):
                self._other = self._fallback()
        return self._other.derivative(*axes)


def _index(*axes: int) -> Index:
    return tuple(sorted(axes))
