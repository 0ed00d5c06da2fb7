"""Nonlinearities with their derivatives in closed form, for networks differentiated by inputs."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor


class Activation(ABC):
    """x -> σ(βx) / β and its first four derivatives.

    Derivatives are functions of a state: of x, or of the value itself where that is cheaper.

    Args:
        sharpness: β.
    """

    by_value: ClassVar[bool] = False
    """Whether the state is the value."""

    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    @staticmethod
    @abstractmethod
    def curve(x: Tensor) -> Tensor:
        """σ itself."""

    @staticmethod
    @abstractmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """σ' ... up to this order, four at most, where β = 1."""

    @staticmethod
    def bends(state: Tensor, slopes: list[Tensor], order: int) -> list[Tensor]:
        """The derivatives of the first slopes by the state, where β = 1.

        Of slopes there is one more than the order, unless the state is the value.
        """
        return slopes[1 : order + 1]

    def __call__(self, x: Tensor) -> Tensor:
        """Each number by itself."""
        beta = self.sharpness
        return self.curve(x) if beta == 1 else self.curve(x * beta) / beta

    def state(self, x: Tensor, y: Tensor) -> Tensor:
        """What the derivatives at x are functions of; y is the value."""
        return y if self.by_value else x

    def derivatives(self, state: Tensor, order: int) -> list[Tensor]:
        """The first `order` derivatives."""
        beta = self.sharpness
        if beta == 1:
            return self.slopes(state, order)
        return [one * beta**i for i, one in enumerate(self.slopes(state * beta, order))]

    def both(self, state: Tensor, order: int) -> tuple[list[Tensor], list[Tensor]]:
        """The first `order` derivatives, and the derivative of each of them by the state."""
        beta = self.sharpness
        inner = state if beta == 1 else state * beta
        slopes = self.slopes(inner, order if self.by_value else order + 1)
        bends = self.bends(inner, slopes, order)
        if beta == 1:
            return slopes[:order], bends
        return (
            [one * beta**i for i, one in enumerate(slopes[:order])],
            [one * beta ** (i + 1) for i, one in enumerate(bends)],
        )

    def pull(self, r: Tensor, state: Tensor) -> Tensor:
        """The product r σ'(x), r as it comes in a reverse pass."""
        return r * self.derivatives(state, 1)[0]

    def pull_back(self, g: Tensor, r: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """What reaches r and the state from g, which reaches `pull`; g is overwritten."""
        (first,), (bend,) = self.both(state, 1)
        to_state = (g * r).mul_(bend)
        return g.mul_(first), to_state


class Tanh(Activation):
    """The hyperbolic tangent y: with p = 1 - y², p, -2yp, p(4 - 6p) and -2yp(4 - 12p)."""

    by_value = True

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return torch.tanh(x)

    @staticmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """As in Activation."""
        zero = state.new_zeros(())
        out = [torch.addcmul(zero + 1, state, state, value=-1)]
        if order > 1:
            out.append(torch.addcmul(zero, state, out[0], value=-2))
        if order > 2:
            out.append(torch.addcmul(4 * out[0], out[0], out[0], value=-6))
        if order > 3:
            out.append(torch.addcmul(4 * out[1], out[1], out[0], value=-12))
        return out

    @staticmethod
    def bends(state: Tensor, slopes: list[Tensor], order: int) -> list[Tensor]:
        """As in Activation: -2y, 4 - 6p and -2y(4 - 12p), each the next slope divided by p."""
        p, out = slopes[0], [-2 * state]
        if order > 1:
            out.append(4 - 6 * p)
        if order > 2:
            out.append((4 - 12 * p).mul_(out[0]))
        return out

    def pull(self, r: Tensor, state: Tensor) -> Tensor:
        """As in Activation, in one pass over memory."""
        if self.sharpness != 1:
            return super().pull(r, state)
        return torch.ops.aten.tanh_backward(r, state)

    def pull_back(self, g: Tensor, r: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """As in Activation, in three passes."""
        if self.sharpness != 1:
            return super().pull_back(g, r, state)
        to_state = g * r
        torch.addcmul(g.new_zeros(()), to_state, state, value=-2, out=to_state)
        torch.ops.aten.tanh_backward.grad_input(g, state, grad_input=g)
        return g, to_state


class Softplus(Activation):
    """log(1 + eˣ), a smooth ramp."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        # torch's own threshold of 20 leaves a jump of 2e-9 in the slope
        return F.softplus(x, threshold=50.0)

    @staticmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """The logistic function s, then v = s(1 - s), v(1 - 2s) and v(1 - 6v)."""
        return _logistic(state, order)


class Sine(Activation):
    """The sine."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return torch.sin(x)

    @staticmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """The cosine, then sines and cosines in turn."""
        sine, cosine = torch.sin(state), torch.cos(state)
        return [cosine, -sine, -cosine, sine][:order]


class SiLU(Activation):
    """x s(x), s the logistic function."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return F.silu(x)

    @staticmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """The n-th is x s⁽ⁿ⁾ + n s⁽ⁿ⁻¹⁾."""
        s = _logistic(state, order + 1)
        return [state * s[n] + n * s[n - 1] for n in range(1, order + 1)]


class GELU(Activation):
    """x Φ(x), Φ the normal distribution function."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return F.gelu(x)

    @staticmethod
    def slopes(state: Tensor, order: int) -> list[Tensor]:
        """With the density φ: Φ + xφ, (2 - x²)φ, (x³ - 4x)φ, (-x⁴ + 7x² - 4)φ."""
        x, square = state, state * state
        density = torch.exp(square * -0.5) / math.sqrt(2 * math.pi)
        out = [torch.special.ndtr(x) + x * density]
        if order > 1:
            out.append((2 - square) * density)
        if order > 2:
            out.append((square - 4) * x * density)
        if order > 3:
            out.append(((7 - square) * square - 4) * density)
        return out


def _logistic(x: Tensor, count: int) -> list[Tensor]:
    """The logistic function and its derivatives, `count` of them in all, five at most."""
    s = torch.sigmoid(x)
    v = s * (1 - s)
    out = [s, v]
    if count > 2:
        out.append(v * (1 - 2 * s))
    if count > 3:
        out.append(v * (1 - 6 * v))
    if count > 4:
        out.append(out[2] * (1 - 12 * v))
    return out[:count]


ACTIVATIONS: dict[str, type[Activation]] = {
    "tanh": Tanh,
    "softplus": Softplus,
    "sine": Sine,
    "silu": SiLU,
    "gelu": GELU,
}
