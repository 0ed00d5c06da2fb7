"""Higher derivatives of a perceptron by forward propagation: no pass is differentiated again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.ops.activations import Activation
from zoo.ops.trunk import Trunk, again

Index = tuple[int, ...]
"""A partial derivative by these coordinates, in order: (0, 0, 1) is u_xxy."""
Slot = tuple[Index, ...]
"""A sum of partial derivatives of one order: ((0, 0), (1, 1)) is the Laplacian of a plane."""

HIGHEST = 3


class Product(NamedTuple):
    """A product of slots, as often as it occurs in a sum.

    Args:
        often: how often it occurs.
        factors: the slots.
        slopes: (factor, times, others): its derivative by each slot is times the others.
    """

    often: int
    factors: tuple[int, ...]
    slopes: tuple[tuple[int, int, tuple[int, ...]], ...]


class Sum(NamedTuple):
    """What multiplies σ⁽ᵐ⁾, m > 1, in a slot.

    Args:
        slot: the slot.
        order: m.
        products: of lower slots.
    """

    slot: int
    order: int
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Plan:
    """What is propagated, and the products that σ makes of it (Faà di Bruno's formula).

    Args:
        slots: all that must be known, lower orders first.
        sums: of all slots of higher orders.
    """

    slots: tuple[Slot, ...]
    sums: tuple[Sum, ...]

    @cached_property
    def axes(self) -> list[int]:
        """The coordinates of the first derivatives, which are the first slots."""
        return [slot[0][0] for slot in self.slots if len(slot[0]) == 1]

    @cached_property
    def order(self) -> int:
        """The highest order."""
        return len(self.slots[-1][0])

    @cached_property
    def opening(self) -> tuple[Sum, ...]:
        """The sums that are made of first derivatives alone."""
        first = range(len(self.axes))
        return tuple(
            one for one in self.sums if all(f in first for p in one.products for f in p.factors)
        )

    def among(self, known: int) -> tuple[Sum, ...]:
        """The sums of the first `known` slots: all, or the first derivatives."""
        return self.sums if known == len(self.slots) else self.opening


@lru_cache
def plan(wanted: frozenset[Slot]) -> Plan:
    """The slots that these need, of orders 1 to 3, and how they depend on each other."""
    needed = set(wanted)
    for slot in wanted:
        for index in slot:
            for size in range(1, len(index)):
                needed |= {(part,) for part in combinations(index, size)}
    slots = tuple(sorted(needed, key=lambda slot: (len(slot[0]), slot)))
    place = {slot: i for i, slot in enumerate(slots)}
    sums = []
    for i, slot in enumerate(slots):
        found: dict[int, Counter[tuple[int, ...]]] = {}
        for blocks in (blocks for index in slot for blocks in _partitions(index)):
            if len(blocks) > 1:
                factors = tuple(sorted(place[(block,)] for block in blocks))
                found.setdefault(len(blocks), Counter())[factors] += 1
        for m, products in sorted(found.items()):
            sums.append(Sum(i, m, tuple(_product(n, factors) for factors, n in products.items())))
    return Plan(slots, tuple(sums))


def _product(count: int, factors: tuple[int, ...]) -> Product:
    slopes = []
    for factor, times in Counter(factors).items():
        place = factors.index(factor)
        slopes.append((factor, count * times, factors[:place] + factors[place + 1 :]))
    return Product(count, factors, tuple(slopes))


def _partitions(index: Index) -> Iterable[list[Index]]:
    """All ways to divide the positions of an index into blocks."""
    if not index:
        yield []
        return
    first, rest = index[0], range(1, len(index))
    for size in range(len(index)):
        for mates in combinations(rest, size):
            block = (first, *(index[i] for i in mates))
            left = tuple(index[i] for i in rest if i not in mates)
            for others in _partitions(left):
                yield [block, *others]


def taylor(trunk: Trunk, first: Tensor, wanted: Iterable[Slot]) -> dict[Slot, Tensor]:
    """Derivatives of the value, and all lower ones that they need.

    With T⁰ = h and T^α = ∂^α h, a layer takes Z^α = W T^α to
    T^α = Σ over partitions π of α of σ^(|π|)(z) Π_{B in π} Z^B.

    Args:
        trunk: a forward pass.
        first: the first layer's columns that are differentiated, times their scale, (n, d).
        wanted: what is wanted, of orders 1 to 3.

    Shapes:
        each result: (b, c).
    """
    what = plan(frozenset(wanted))
    # all points have the same first derivatives before the first σ, and no higher ones
    z = first.mT[what.axes][:, None]
    for state, weight in zip(trunk.states, trunk.weights[1:], strict=True):
        t = _Propagate.apply(trunk.activation, what, state, z)
        assert isinstance(t, Tensor)
        z = (t.flatten(0, 1) @ weight.mT).unflatten(0, t.shape[:2])
    return dict(zip(what.slots, z, strict=True))


class _Propagate(torch.autograd.Function):
    """T of one layer from its state and Z. Slots that Z lacks are zero."""

    @staticmethod
    def forward(
        ctx: Any, activation: Activation, what: Plan, state: Tensor, slots: Tensor
    ) -> Tensor:
        known, sigma = len(slots), activation.derivatives(state, what.order)
        out = state.new_empty(len(what.slots), *state.shape)
        torch.mul(slots, sigma[0], out=out[:known])
        made, kept = set(range(known)), []
        for i, m, products in what.among(known):
            kept.append(_sum(slots, products))
            if i in made:
                out[i].addcmul_(sigma[m - 1], kept[-1])
            else:
                torch.mul(sigma[m - 1], kept[-1], out=out[i])
                made.add(i)
        ctx.activation, ctx.what = activation, what
        ctx.save_for_backward(state, slots, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (g,), what = grads, ctx.what
        state, slots, *kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            found = again(lambda a, b: _plain(ctx.activation, what, a, b), (state, slots), g)
            return (None, None, *found)
        known = len(slots)
        sigma, bends = ctx.activation.both(state, what.order)
        to_slots = g[:known] * sigma[0]
        to_state = g[0] * slots[0]
        for i in range(1, known):
            to_state.addcmul_(g[i], slots[i])
        to_state.mul_(bends[0])
        for (i, m, products), made in zip(what.among(known), kept, strict=True):
            to_state.addcmul_(bends[m - 1], g[i] * made)
            _spread(to_slots, g[i] * sigma[m - 1], slots, products)
        return None, None, to_state, to_slots.sum_to_size(slots.shape)


def _sum(slots: Tensor, products: tuple[Product, ...]) -> Tensor:
    """Σ n Π of slots."""
    total: Tensor | None = None
    for count, (a, *rest, b), _ in products:
        left = slots[a]
        for factor in rest:
            left = left * slots[factor]
        if total is None:
            total = left * slots[b]
            total = total if count == 1 else total.mul_(count)
        else:
            total.addcmul_(left, slots[b], value=count)
    assert total is not None
    return total


def _spread(to_slots: Tensor, g: Tensor, slots: Tensor, products: tuple[Product, ...]) -> None:
    """Add to each factor what reaches it from g, which reaches Σ n Π of slots."""
    for product in products:
        for factor, times, (other, *rest) in product.slopes:
            left = g
            for one in rest:
                left = left * slots[one]
            to_slots[factor].addcmul_(left, slots[other], value=times)


def _plain(activation: Activation, what: Plan, state: Tensor, slots: Tensor) -> Tensor:
    """The same as the forward pass, open to automatic differentiation."""
    known, sigma = len(slots), activation.derivatives(state, what.order)
    out = [*(slots * sigma[0])] + [torch.zeros_like(state)] * (len(what.slots) - known)
    for i, m, products in what.among(known):
        for count, factors, _ in products:
            made = sigma[m - 1] * count
            for factor in factors:
                made = made * slots[factor]
            out[i] = out[i] + made
    return torch.stack(out)
