"""Standard normal draws at points, kept, or made from seeds whenever they are asked for."""

from abc import ABC, abstractmethod
from functools import lru_cache

import torch
from torch import Tensor

HELD = 2**25
"""Numbers that are kept rather than made again: 134 MB in single precision."""


class Noise(ABC):
    """z, standard normal: m draws, the same for all points or each point's own.

    Args:
        count: m.
    """

    count: int

    @abstractmethod
    def part(self, start: int, stop: int) -> Tensor:
        """Draws from `start` up to `stop`, (stop - start, d) or (b, stop - start, d)."""

    @abstractmethod
    def narrow(self, start: int, stop: int) -> "Noise":
        """The noise that these draws alone are."""

    def pieces(self) -> list[tuple[int, int]]:
        """Ranges of draws that may lie in memory at a time."""
        return [(0, self.count)]


class HeldNoise(Noise):
    """Draws that lie in memory.

    Args:
        z: (m, d) or (b, m, d).
    """

    def __init__(self, z: Tensor) -> None:
        self._z = z
        self.count = z.shape[-2]

    def part(self, start: int, stop: int) -> Tensor:
        """As in Noise."""
        return self._z[..., start:stop, :]

    def narrow(self, start: int, stop: int) -> Noise:
        """As in Noise."""
        return HeldNoise(self.part(start, stop))


class SeededNoise(Noise):
    """Draws of each point's own, made again for each use: b m d numbers are never held at once.

    Args:
        seed: of the first draw; the following ones have the following seeds.
        points: b.
        draws: m.
        like: a tensor of the device and precision wanted, whose columns are d.
    """

    def __init__(self, seed: int, points: int, draws: int, like: Tensor) -> None:
        self._seed, self._points, self._like = seed, points, like
        self.count = draws

    def part(self, start: int, stop: int) -> Tensor:
        """As in Noise."""
        return torch.stack([self._draw(i) for i in range(start, stop)], 1)

    def narrow(self, start: int, stop: int) -> Noise:
        """As in Noise."""
        return SeededNoise(self._seed + start, self._points, stop - start, self._like)

    def pieces(self) -> list[tuple[int, int]]:
        """As in Noise."""
        step = max(1, HELD // max(1, self._points * self._like.shape[1]))
        return [(i, min(i + step, self.count)) for i in range(0, self.count, step)]

    def _draw(self, place: int) -> Tensor:
        # a seed for each draw: in which chunks they are asked for changes no number
        like, rng = self._like, torch.Generator(self._like.device).manual_seed(self._seed + place)
        shape = (self._points, like.shape[1])
        return torch.randn(shape, generator=rng, dtype=like.dtype, device=like.device)


@lru_cache(maxsize=4)
def normal(seed: int, count: int, size: int) -> Tensor:
    """Draws (m, d) that are the same on every device: made on the CPU in double precision.

    They are kept: `torch.func.vmap`, which refuses to draw, finds them made.
    """
    rng = torch.Generator().manual_seed(seed)
    with torch.inference_mode(False):
        return torch.randn(count, size, generator=rng, dtype=torch.float64, device="cpu")
