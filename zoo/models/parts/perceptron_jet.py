from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.ops.reverse import gradient
from zoo.ops.taylor import HIGHEST, Index, Slot, taylor
from zoo.ops.trunk import Trunk


class PerceptronJet(Jet):
    """Derivatives of a perceptron in closed form; all of them share one forward pass.

    The gradient is one reverse pass for all outputs. Other derivatives up to the third order go
    forward beside the values, each with the lower ones that it needs and no others; a Laplacian is
    one quantity. A gradient of more outputs than coordinates goes forward too. What is known
    already is not made again: after all second derivatives the gradient costs nothing.

    Where gradients are not recorded, as under `torch.no_grad`, neither are these.

    Args:
        trunk: the forward pass.
        first: the first layer's columns that are differentiated, times the normaliser's rates.
        fallback: another jet of the same field at the same points, for orders above the third.
    """

    def __init__(self, trunk: Trunk, first: Tensor, fallback: Callable[[], Jet]) -> None:
        self._trunk, self._first, self._fallback = trunk, first, fallback
        self._size = first.shape[1]
        self._keep = torch.is_grad_enabled()
        self._known: dict[Slot, Tensor] = {}
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
                    self._gradient = gradient(self._trunk, self._first)
        return self._gradient

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = range(self._size) if axes is None else axes
        return torch.stack(self._get([((i, i),) for i in wanted]), -1)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        wanted = range(self._size) if axes is None else axes
        each: list[Slot] = [((i, i),) for i in wanted]
        if all(slot in self._known for slot in each):
            return self.second(wanted).sum(-1)
        return self._get([tuple((i, i) for i in sorted(wanted))])[0]

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
