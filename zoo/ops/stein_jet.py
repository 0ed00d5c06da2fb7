from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from zoo.ops import stein
from zoo.ops.jets import Jet
from zoo.ops.noise import Noise

SMALL = 64
"""Coordinates up to which a whole Hessian is made."""


class SteinJet(Jet):
    """Estimates of a smoothed field's value and derivatives, all from the same draws.

    The formulas, and what pairs and control variate do, are in `zoo.ops.stein`. Every derivative is
    linear in the values of f, which are computed once. Where gradients are not recorded when it is
    made, as under `torch.no_grad`, neither are these.

    Args:
        values: f(x ± σz), or f(x + σz) alone, (b, 2 or 1, m, c).
        base: f(x), (b, c); None without control variate.
        noise: z, m draws in all.
        sigma: σ.
        biased: `square_gradient` squares one estimate, as the paper does.

    Raises:
        NotImplementedError: a derivative of the third order, or a Hessian of many coordinates.
        ValueError: one draw alone has no halves.
    """

    exact: ClassVar[bool] = False

    def __init__(
        self,
        values: Float[Tensor, "b s m c"],
        base: Float[Tensor, "b c"] | None,
        *,
        noise: Noise,
        sigma: float,
        biased: bool = False,
    ) -> None:
        self._values, self._base = values, base
        self._noise, self._sigma, self._biased = noise, sigma, biased
        self._keep = torch.is_grad_enabled()

    def _mean(self, found: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> Tensor:
        """The mean of `found(values, z)` over all draws, in pieces that fit into memory."""

        def one(start: int, stop: int) -> Tensor:
            return found(values[:, start:stop], self._noise.part(start, stop))

        pieces, device = self._noise.pieces(), values.device.type
        with torch.set_grad_enabled(self._keep), torch.autocast(device, enabled=False):
            if len(pieces) == 1:
                return one(*pieces[0])
            # z is made again in the backward pass: the graph would hold all of it
            each = [
                cast("Tensor", checkpoint(one, *piece, use_reentrant=False)) * (piece[1] - piece[0])
                for piece in pieces
            ]
            return torch.stack(each).sum(0) / self._noise.count

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        return self._value

    @cached_property
    def _value(self) -> Tensor:
        with torch.set_grad_enabled(self._keep):
            return stein.value(self._values)

    @cached_property
    def _odd(self) -> Tensor:
        with torch.set_grad_enabled(self._keep):
            return stein.odd(self._values, self._base)

    @cached_property
    def _even(self) -> Tensor:
        with torch.set_grad_enabled(self._keep):
            return stein.even(self._values, self._base)

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._gradient

    @cached_property
    def _gradient(self) -> Tensor:
        return self._first(None)

    def _first(self, axes: Sequence[int] | None) -> Tensor:
        # no columns of a gradient that is known: the last bit would tell what was asked for before
        return self._mean(lambda v, z: stein.gradient(v, _columns(z, axes), self._sigma), self._odd)

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._mean(lambda v, z: stein.second(v, _columns(z, axes), self._sigma), self._even)

    def laplacian(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._mean(
            lambda v, z: stein.laplacian(v, _columns(z, axes), self._sigma), self._even
        )

    def trace(self, weights: Tensor) -> Tensor:
        """As in Jet."""
        return self._mean(lambda v, z: stein.trace(v, z, self._sigma, weights), self._even)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        size = self._noise.part(0, 1).shape[-1]
        if size > SMALL:
            raise NotImplementedError(
                f"a Hessian of {size} coordinates is {size}² estimates a point; above {SMALL} use "
                "laplacian, second, derivative(i, j) or times_hessian(direction)"
            )
        return self._mean(lambda v, z: stein.hessian(v, z, self._sigma), self._even)

    def times_hessian(self, direction: Float[Tensor, "b d"]) -> Float[Tensor, "b c d"]:
        """The Hessian times a direction of each point's own."""
        return self._mean(
            lambda v, z: stein.times_hessian(v, z, self._sigma, direction), self._even
        )

    def along(self, direction: Tensor) -> Tensor:
        """As in Jet."""
        with torch.set_grad_enabled(self._keep):
            return super().along(direction)

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        if len(axes) < 2:
            return self._first(axes)[..., 0] if axes else self.value
        if len(axes) > 2:
            raise NotImplementedError(
                f"derivative{axes} is of order {len(axes)}; Stein's identity is used up to the "
                "second: write the equation as a system, or take automatic differentiation"
            )
        return self._mean(lambda v, z: stein.mixed(v, z, self._sigma, *axes), self._even)

    def halves(self) -> tuple["SteinJet", "SteinJet"]:
        """As in Jet: the first and the last half of the draws; f(x) serves both."""
        count = self._noise.count
        self._check("halves")
        return self._narrow(0, count // 2), self._narrow(count // 2, count)

    def _narrow(self, start: int, stop: int) -> "SteinJet":
        with torch.set_grad_enabled(self._keep):
            return SteinJet(
                self._values[:, :, start:stop],
                self._base,
                noise=self._noise.narrow(start, stop),
                sigma=self._sigma,
                biased=self._biased,
            )

    def square_gradient(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet: the mean over all ways to halve the draws, half as noisy as one of them.

        With `biased`, the square of the estimate, too large by (d + 1) / m for a linear field.
        """
        first = self.gradient if axes is None else self._first(axes)
        with torch.set_grad_enabled(self._keep):
            if self._biased:
                return first.square().sum(-1)
            self._check("square_gradient")
            own = self._mean(
                lambda v, z: stein.own_square(v, _columns(z, axes), self._sigma), self._odd
            )
            return stein.cross_square(first, own, self._noise.count)

    def _check(self, what: str) -> None:
        if self._noise.count < 2:
            raise ValueError(
                f"{what} needs two independent estimates, and there is one draw alone; take more "
                "samples"
            )


def _columns(z: Tensor, axes: Sequence[int] | None) -> Tensor:
    return z if axes is None else z[..., list(axes)]
