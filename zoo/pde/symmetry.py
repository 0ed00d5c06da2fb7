"""Lie point symmetries of equations on periodic boxes: each maps solutions to solutions."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Acted = tuple[Tensor, Tensor, Tensor, Tensor]


class Symmetry(ABC):
    """A Lie point symmetry, acting on trajectories sampled on a uniform periodic grid.

    If (u, p) is a solution sampled with steps dx and dt, then what `act` returns is one, sampled
    with the steps that it returns. ε = 0 is the identity. Nothing is changed in place.

    Shapes:
        u (b, t, c, *n); times (b, t); p (b, P); dx (b, d); dt (b,); epsilon (b, size(d)).
    Units:
        physical; `times` count from the time at which the group's origin lies.
    Source:
        Olver, Applications of Lie Groups to Differential Equations, 1993, section 2.4; as
        augmentations: Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643).
    """

    @abstractmethod
    def size(self, dimension: int) -> int:
        """Number of group parameters in `dimension` space dimensions."""

    @abstractmethod
    def act(
        self,
        u: Float[Tensor, "b t c *n"],
        times: Float[Tensor, "b t"],
        p: Float[Tensor, "b p"],
        dx: Float[Tensor, "b d"],
        dt: Float[Tensor, " b"],
        epsilon: Float[Tensor, "b e"],
    ) -> Acted:
        """The transformed (u, p, dx, dt)."""


class Shift(Symmetry):
    """u(x, t) -> u(x - s, t), with s in physical lengths, one for each axis."""

    def size(self, dimension: int) -> int:
        """As in Symmetry."""
        return dimension

    def act(
        self, u: Tensor, times: Tensor, p: Tensor, dx: Tensor, dt: Tensor, epsilon: Tensor
    ) -> Acted:
        """As in Symmetry."""
        return translate(u, (epsilon / dx)[:, None]), p, dx, dt


class Amplitude(Symmetry):
    """u -> e^ε u: of an equation that is linear and has no source."""

    def size(self, dimension: int) -> int:
        """As in Symmetry."""
        return 1

    def act(
        self, u: Tensor, times: Tensor, p: Tensor, dx: Tensor, dt: Tensor, epsilon: Tensor
    ) -> Acted:
        """As in Symmetry."""
        return u * _spread(epsilon[:, 0].exp(), u), p, dx, dt


class Galilean(Symmetry):
    """u(x, t) -> u(x - c v t, t) + v, of u_t + u c·grad u = (what only derivatives of u make).

    The frames are translated further the later they are; c is read from the coefficients, or is
    one constant along every axis.

    Args:
        columns: which columns of p hold c, one for each axis; none: c = factor on every axis.
        factor: multiplies c; 6 for u_t + 6 u u_x + u_xxx = 0.
    """

    def __init__(self, columns: Sequence[int] = (), factor: float = 1.0) -> None:
        self.columns, self.factor = tuple(columns), factor

    def size(self, dimension: int) -> int:
        """As in Symmetry."""
        return 1

    def act(
        self, u: Tensor, times: Tensor, p: Tensor, dx: Tensor, dt: Tensor, epsilon: Tensor
    ) -> Acted:
        """As in Symmetry."""
        if self.columns and len(self.columns) != dx.shape[1]:
            raise ValueError(
                f"Galilean(columns={list(self.columns)}) on {dx.shape[1]} space axes: one column "
                "of coefficients for each axis"
            )
        speed = p[:, list(self.columns)] if self.columns else torch.ones_like(dx)
        velocity = self.factor * speed * epsilon
        cells = times[..., None] * (velocity / dx)[:, None]
        return translate(u, cells) + _spread(epsilon[:, 0], u), p, dx, dt


class Scaling(Symmetry):
    """u -> e^(αε) u, x -> e^(βε) x, t -> e^(γε) t: the samples stay, the steps dx and dt change.

    Args:
        u: α. For KdV (2, -1, -3), for Burgers (-1, 1, 2), for heat (0, 1, 2).
        x: β.
        t: γ.
        coefficients: exponent of each column of p, where coefficients take part; empty for none.
    """

    def __init__(self, u: float, x: float, t: float, coefficients: Sequence[float] = ()) -> None:
        self.u, self.x, self.t, self.coefficients = u, x, t, tuple(coefficients)

    def size(self, dimension: int) -> int:
        """As in Symmetry."""
        return 1

    def act(
        self, u: Tensor, times: Tensor, p: Tensor, dx: Tensor, dt: Tensor, epsilon: Tensor
    ) -> Acted:
        """As in Symmetry."""
        if self.coefficients:
            powers = torch.tensor(self.coefficients, dtype=p.dtype, device=p.device)
            p = p * (powers * epsilon).exp().to(p.dtype)
        size = epsilon[:, 0]
        dx = dx * (self.x * epsilon).exp().to(dx.dtype)
        dt = dt * (self.t * size).exp().to(dt.dtype)
        return u * _spread((self.u * size).exp(), u), p, dx, dt


def translate(
    u: Float[Tensor, "b t c *n"], cells: Float[Tensor, "b s d"]
) -> Float[Tensor, "b t c *n"]:
    """A periodic field moved by `cells` grid cells along each axis, by its Fourier series.

    A whole number of cells moves the samples exactly. The Nyquist wave of an even axis, which has
    no phase on the grid, is multiplied by cos(π cells): the field stays real.

    Shapes:
        u: (b, t, c, *n); cells: (b, t, d), or (b, 1, d) where every frame moves alike.
    Accuracy:
        that of the dtype; phases are formed in float64.
    """
    for axis in range(cells.shape[2]):
        # after d turns of "first space axis to the end" the axes are in order again
        u = _translate_last(u.movedim(3, -1), cells[:, :, axis])
    return u.contiguous()


SMALL = 128
"""Up to this many points a side, a product with the interpolating matrix beats the FFT."""


def _translate_last(u: Tensor, cells: Tensor) -> Tensor:
    n = u.shape[-1]
    waves = torch.arange(n // 2 + 1, dtype=torch.float64, device=u.device)
    angle = cells.double()[..., None] * (waves * (-2 * math.pi / n))
    phase = torch.polar(torch.ones_like(angle), angle)
    if n % 2 == 0:
        phase = torch.cat([phase[..., :-1], phase[..., -1:].real.to(phase.dtype)], -1)
    if n > SMALL:
        phase = phase.to(torch.promote_types(u.dtype, torch.complex32))
        between = (1,) * (u.ndim - 3)
        u_hat = torch.fft.rfft(u, dim=-1) * phase.view(*phase.shape[:2], *between, -1)
        return torch.fft.irfft(u_hat, n, dim=-1)
    # circulant: point i takes kernel[i - j] from point j
    kernel = torch.fft.irfft(phase, n, dim=-1).to(u.dtype)
    points = torch.arange(n, device=u.device)
    matrix = kernel[..., (points - points[:, None]) % n]
    rows = u.reshape(len(u) * cells.shape[1], -1, n)
    return torch.bmm(rows, matrix.flatten(0, 1)).view(u.shape)


def _spread(value: Tensor, u: Tensor) -> Tensor:
    """(b,) to (b, 1, ...) in the dtype of u."""
    return value.to(u.dtype).view(-1, *(1,) * (u.ndim - 1))
