import math

import torch
from torch import Tensor

from zoo.pde.box import Box

WAVES = ((1, 2, 1), (2, -1, 1))
"""Integer waves, the first entries of each for fewer dimensions: |k|² differs, so they interact."""


class TravellingWaves:
    """A field to manufacture solutions from: m + Σ A sin(k·x - s t + φ), two waves that move.

    Every derivative is written out by hand, so that a solver's symbol is not proven by itself. The
    sums of products that an equation makes of it end at few waves: a fine grid holds them exactly.

    Shapes:
        times (t,); fields (t, *n), float64.

    Args:
        box: where.
        mean: m.
        amplitude: A of the first wave; the second has half of it.
        speed: s of the first wave, an angle per unit of time; the second goes the other way.
        phase: φ of the first wave; the second has none.
    """

    def __init__(
        self,
        box: Box,
        *,
        mean: float = 0.0,
        amplitude: float = 0.5,
        speed: float = 1.0,
        phase: float = 0.3,
    ) -> None:
        self.box = box
        self.mean = mean
        self.amplitudes = (amplitude, amplitude / 2)
        self.speeds = (speed, -0.7 * speed)
        self.phases = (phase, 0.0)
        self.waves = tuple(
            tuple(2 * math.pi * k / length for k, length in zip(wave, box.lengths, strict=False))
            for wave in WAVES
        )
        self.squares = tuple(sum(k * k for k in wave) for wave in self.waves)

    def value(self, times: Tensor) -> Tensor:
        """The field."""
        return self.mean + self._sum(times, (1.0, 1.0), 0)

    def rate(self, times: Tensor) -> Tensor:
        """Its derivative in time."""
        return self._sum(times, tuple(-s for s in self.speeds), 1)

    def slope(self, times: Tensor, axis: int, power: int = 0) -> Tensor:
        """Its derivative along one axis, or that of Δ to a power of it."""
        pairs = zip(self.waves, self.squares, strict=True)
        return self._sum(times, tuple(wave[axis] * (-s) ** power for wave, s in pairs), 1)

    def laplacian(self, times: Tensor, power: int = 1) -> Tensor:
        """Δ to a power, of the field without its mean; power -1 solves Δψ = u - m."""
        return self._sum(times, tuple((-square) ** power for square in self.squares), 0)

    def mean_square_slope(self) -> float:
        """The mean of |∇u|²."""
        return sum(a * a * k / 2 for a, k in zip(self.amplitudes, self.squares, strict=True))

    def _sum(self, times: Tensor, factors: tuple[float, ...], quarters: int) -> Tensor:
        x = self.box.points()
        clock = times.double().view(-1, *(1,) * self.box.dimension)
        total = torch.zeros((len(times), *self.box.shape), dtype=torch.float64)
        parts = zip(self.amplitudes, self.waves, self.speeds, self.phases, factors, strict=True)
        for amplitude, wave, speed, phase, factor in parts:
            place = sum((k * x[axis] for axis, k in enumerate(wave)), torch.zeros(()).double())
            angle = place - speed * clock + phase + quarters * math.pi / 2
            total = total + amplitude * factor * angle.sin()
        return total
