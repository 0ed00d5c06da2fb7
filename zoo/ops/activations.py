"""Nonlinearities with their derivatives in closed form, for networks differentiated by inputs."""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor


class Activation(ABC):
    """x -> σ(βx) / β and its first four derivatives.

    Args:
        sharpness: β.
    """

    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    @staticmethod
    @abstractmethod
    def curve(x: Tensor) -> Tensor:
        """σ itself."""

    @staticmethod
    @abstractmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """σ' ... up to this order, four at most, at x with y = σ(x)."""

    def __call__(self, x: Tensor) -> Tensor:
        """Each number by itself."""
        beta = self.sharpness
        return self.curve(x) if beta == 1 else self.curve(x * beta) / beta

    def derivatives(self, x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """The first `order` derivatives at x, where y is this activation's value."""
        beta = self.sharpness
        if beta == 1:
            return self.slopes(x, y, order)
        inner = self.slopes(x * beta, y * beta, order)
        return [one if i == 0 else one * beta**i for i, one in enumerate(inner)]

    def pull(self, r: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The product s = r σ'(x), r as it comes in a reverse pass; and what `bend` needs."""
        return r * self.derivatives(x, y, 1)[0], r

    def bend(self, g: Tensor, kept: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What reaches r and x from g, which reaches s of `pull`: g σ' and g r σ''.

        g is overwritten.
        """
        first, second = self.derivatives(x, y, 2)
        bent = (g * kept).mul_(second)
        return g.mul_(first), bent


class Tanh(Activation):
    """The hyperbolic tangent."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return torch.tanh(x)

    @staticmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """σ' = 1 - σ², σ'' = -2σσ', σ''' = σ'(4 - 6σ'), σ'''' = σ''(4 - 12σ')."""
        out = [torch.addcmul(y.new_ones(()), y, y, value=-1)]
        if order > 1:
            out.append(torch.addcmul(y.new_zeros(()), y, out[0], value=-2))
        if order > 2:
            out.append(torch.addcmul(4 * out[0], out[0], out[0], value=-6))
        if order > 3:
            out.append(torch.addcmul(4 * out[1], out[1], out[0], value=-12))
        return out

    def pull(self, r: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """As in Activation, in one pass over memory."""
        if self.sharpness != 1:
            return super().pull(r, x, y)
        s = torch.ops.aten.tanh_backward(r, y)
        return s, s

    def bend(self, g: Tensor, kept: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """As in Activation, in three passes: r σ'' = -2 s σ."""
        if self.sharpness != 1:
            return super().bend(g, kept, x, y)
        bent = g * kept
        torch.addcmul(g.new_zeros(()), bent, y, value=-2, out=bent)
        torch.ops.aten.tanh_backward.grad_input(g, y, grad_input=g)
        return g, bent


class Softplus(Activation):
    """log(1 + eˣ), a smooth ramp."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        # torch's own threshold of 20 leaves a jump of 2e-9 in the slope
        return F.softplus(x, threshold=50.0)

    @staticmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """The logistic function s, then v = s(1 - s), v(1 - 2s) and v(1 - 6v)."""
        return _logistic(x, order)


class Sine(Activation):
    """The sine."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return torch.sin(x)

    @staticmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """The cosine, then sines and cosines in turn."""
        cosine = torch.cos(x)
        return [cosine, -y, -cosine, y][:order]


class SiLU(Activation):
    """x s(x), s the logistic function."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return F.silu(x)

    @staticmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """The n-th is x s⁽ⁿ⁾ + n s⁽ⁿ⁻¹⁾."""
        s = _logistic(x, order + 1)
        return [x * s[n] + n * s[n - 1] for n in range(1, order + 1)]


class GELU(Activation):
    """x Φ(x), Φ the normal distribution function."""

    @staticmethod
    def curve(x: Tensor) -> Tensor:
        """As in Activation."""
        return F.gelu(x)

    @staticmethod
    def slopes(x: Tensor, y: Tensor, order: int) -> list[Tensor]:
        """With the density φ: Φ + xφ, (2 - x²)φ, (x³ - 4x)φ, (-x⁴ + 7x² - 4)φ."""
        density, square = torch.exp(x * x * -0.5) / math.sqrt(2 * math.pi), x * x
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
