"""Derivatives of sampled periodic fields whose spacing differs from sample to sample."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def spectral(
    u: Float[Tensor, "b c *n"], axis: int, spacing: Float[Tensor, " b"], order: int
) -> Float[Tensor, "b c *n"]:
    """Derivative along one space axis through its Fourier series; exact below the Nyquist wave.

    Args:
        u: a periodic field without the end point.
        axis: which side, from 0.
        spacing: grid spacing of each sample along it.
        order: of the derivative.
    """
    n = u.shape[2 + axis]
    k = torch.fft.rfftfreq(n, 1 / (2 * math.pi), dtype=u.dtype, device=u.device)
    if order % 2 and n % 2 == 0:
        k[-1] = 0  # an odd derivative has no real value at the Nyquist wave
    waves = torch.fft.rfft(u.movedim(2 + axis, -1))
    spread = spacing.to(u.dtype).view(-1, *[1] * (u.ndim - 1))
    return torch.fft.irfft(waves * (1j * k / spread) ** order, n=n).movedim(-1, 2 + axis)


def central(
    u: Float[Tensor, "b c *n"], axis: int, spacing: Float[Tensor, " b"], order: int
) -> Float[Tensor, "b c *n"]:
    """First or second derivative by central differences of second order; arguments as above."""
    ahead, behind = u.roll(-1, 2 + axis), u.roll(1, 2 + axis)
    spread = spacing.to(u.dtype).view(-1, *[1] * (u.ndim - 1))
    if order == 1:
        return (ahead - behind) / (2 * spread)
    return (ahead - 2 * u + behind) / spread**2


def at_start(u: Float[Tensor, "b t c *n"], dt: Float[Tensor, " b"]) -> Float[Tensor, "b c *n"]:
    """u_t at the first frame, (-3 u_0 + 4 u_1 - u_2) / 2 dt: of second order."""
    spread = dt.to(u.dtype).view(-1, *[1] * (u.ndim - 2))
    return (-3 * u[:, 0] + 4 * u[:, 1] - u[:, 2]) / (2 * spread)
