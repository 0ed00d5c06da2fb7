import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.equation import interval


def sines(box: Box, amplitude: Tensor, wave: Tensor, phase: Tensor) -> Tensor:
    """Σ_j A_j sin(K_j·x + φ_j), K = 2π wave / L, by its closed form: no transform, any grid.

    exp(i K·x) is a product over the axes, so the sum is one small matrix product.

    Shapes:
        amplitude and phase (..., J), wave (..., J, d) integers; result (..., *n), float64.
    """
    grown = (torch.polar(torch.ones_like(phase), phase) * amplitude)[..., None]
    sides = []
    for axis, n in enumerate(box.shape):
        # whole turns drop out before the product with 2π, which keeps the phase exact
        turns = (wave[..., axis, None].double() * torch.arange(n, dtype=torch.float64) % n) / n
        sides.append(torch.polar(torch.ones_like(turns), 2 * math.pi * turns))
    for side in sides[:-1]:
        grown = (grown[..., :, None] * side[..., None, :]).flatten(-2)
    summed = grown.transpose(-1, -2) @ sides[-1]
    return summed.imag.reshape(*summed.shape[:-2], *box.shape)


@dataclass(frozen=True)
class Waves:
    """Fields Σ_j A_j sin(K_j·x + φ_j), K_j = 2π wave_j / L, that can be evaluated on any grid.

    Calling it with a Box gives (b, c, *n), float64.

    Args:
        amplitude: A, (b, c, J).
        wave: whole wave numbers, (b, c, J, d).
        phase: φ, (b, c, J).
    """

    amplitude: Tensor
    wave: Tensor
    phase: Tensor

    def __call__(self, box: Box) -> Tensor:
        """The fields on a grid, (b, c, *n)."""
        return sines(box, self.amplitude, self.wave, self.phase)


class RandomWaves:
    """Initial fields Σ_j A_j sin(K_j·x + φ_j) with random amplitudes, waves and phases.

    Args:
        count: J, waves a field.
        amplitude: interval of A, uniform.
        waves: whole wave numbers from which each component of K L / 2π is drawn.
    Source:
        Brandstetter, Worrall and Welling, ICLR 2022 (arXiv 2202.03376), section 4, with the figures
        of Zhou et al., arXiv 2406.08473: five waves, A in [-0.5, 0.5], wave numbers 1 to 3.
    """

    def __init__(
        self,
        count: int = 5,
        amplitude: tuple[float, float] = (-0.5, 0.5),
        waves: tuple[int, ...] = (1, 2, 3),
    ) -> None:
        if count < 1 or not waves:
            raise ValueError(f"count={count}, waves={list(waves)}: at least one of each")
        self.count = count
        self.amplitude = interval(amplitude, "amplitude")
        self.waves = tuple(waves)

    def sample(self, count: int, dimension: int, rng: torch.Generator, channels: int = 1) -> Waves:
        """`count` random fields, not yet on any grid."""
        shape = (count, channels, self.count)
        low, high = self.amplitude
        draws = torch.rand((2, *shape), generator=rng, dtype=torch.float64)
        picks = torch.randint(len(self.waves), (*shape, dimension), generator=rng)
        return Waves(
            low + (high - low) * draws[0], torch.tensor(self.waves)[picks], 2 * math.pi * draws[1]
        )

    def draw(self, count: int, box: Box, rng: torch.Generator, channels: int = 1) -> Tensor:
        """Fields (count, channels, *n), float64; refused where the grid cannot hold the waves."""
        most = max(abs(wave) for wave in self.waves)
        if 2 * most >= min(box.shape):
            raise ValueError(
                f"waves up to {most} need n > {2 * most}, got {box.shape}; refine the grid or "
                "lower `waves`"
            )
        return self.sample(count, box.dimension, rng, channels)(box)
