import functools
import math

import torch
from torch import Tensor

STENCIL = 12
"""Frames that a value in time is interpolated from: an error of order `spacing`¹²."""
ROWS = 2048
"""Points that are evaluated together: what is gathered for them stays below 40 MB."""


class PeriodicFrames:
    """A field in one periodic dimension, known at uniform times, and its derivatives anywhere.

    In space the trigonometric interpolant, exact for the waves that the grid holds; in time the
    polynomial through the twelve frames around (one-sided at the ends), so a derivative in time is
    that of the frames and owes nothing to an equation.

    Shapes:
        frames (t, n): one period, its end left out.

    Args:
        frames: the field, float64.
        spacing: of the frames in time, the first at 0.
        length: of the period.
        start: the x of the first column.
        waves: how many waves are kept, the mean included.

    Raises:
        ValueError: fewer frames than the stencil has, or more waves than the grid holds.
    """

    def __init__(
        self, frames: Tensor, *, spacing: float, length: float, start: float, waves: int
    ) -> None:
        count, size = frames.shape
        if count < STENCIL or waves > size // 2:
            raise ValueError(
                f"{count} frames of {size} points and waves={waves}: needs {STENCIL} frames and "
                f"at most {size // 2} waves"
            )
        # a real field: each wave but the mean stands for its conjugate too
        weight = torch.full((waves,), 2.0 / size, dtype=torch.float64)
        weight[0] = 1.0 / size
        self.waves = weight * torch.fft.rfft(frames)[:, :waves]
        self.spacing = spacing
        self.start = start
        self.wave_numbers = 2 * math.pi / length * torch.arange(waves, dtype=torch.float64)

    @torch.no_grad()
    def derivative(self, t: Tensor, x: Tensor, in_time: int = 0, in_space: int = 0) -> Tensor:
        """∂_t^m ∂_x^n of the field at points, (b,), float64.

        Raises:
            ValueError: a time outside that of the frames.
        """
        self._check(t)
        waves, number = self.waves.to(t.device), self.wave_numbers.to(t.device)
        waves = waves * (1j * number) ** in_space
        result, order = torch.empty_like(t), t.argsort()
        for rows in order.split(ROWS):
            times, which = t[rows].unique_consecutive(return_inverse=True)
            first, weights = self._weights(times, in_time)
            near = waves[first[:, None] + torch.arange(STENCIL, device=t.device)]
            now = torch.einsum("bj,bjk->bk", weights.to(near.dtype), near)
            angle = (x[rows] - self.start)[:, None] * number
            turned = now[which] * torch.polar(torch.ones_like(angle), angle)
            result[rows] = turned.real.sum(1)
        return result

    def _weights(self, t: Tensor, order: int) -> tuple[Tensor, Tensor]:
        """First frame of each stencil (b,) and the weights (b, stencil) of a derivative."""
        place = t / self.spacing
        first = (place.floor() - (STENCIL // 2 - 1)).clamp(0, len(self.waves) - STENCIL)
        gap = (place - first)[:, None] - torch.arange(STENCIL, device=t.device)
        # Lagrange's basis: for each node the product of the other gaps
        others = gap[:, None].repeat(1, STENCIL, 1)
        others.diagonal(dim1=1, dim2=2).fill_(1.0)
        scale, slopes = _nodes()
        basis = others.prod(2) / scale.to(t)
        change = torch.linalg.matrix_power(slopes / self.spacing, order).to(t)
        return first.long(), basis @ change

    def _check(self, t: Tensor) -> None:
        end = self.spacing * (len(self.waves) - 1)
        # float32 times may round past the end
        slack = 1e-6 * end
        if not bool(((t >= -slack) & (t <= end + slack)).all()):
            raise ValueError(
                f"times from {float(t.min())} to {float(t.max())}; the reference is known from 0 "
                f"to {end}"
            )


@functools.lru_cache(maxsize=1)
def _nodes() -> tuple[Tensor, Tensor]:
    """Π (j - m) of each node, and the differentiation matrix of the nodes 0, 1, ..."""
    gap = torch.arange(STENCIL, dtype=torch.float64)[:, None] - torch.arange(STENCIL)
    eye = torch.eye(STENCIL, dtype=torch.float64)
    scale = (gap + eye).prod(1)
    slopes = scale[:, None] / scale / (gap + eye) * (1 - eye)
    return scale, slopes - torch.diag(slopes.sum(1))
