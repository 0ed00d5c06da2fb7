import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """A periodic box with a uniform grid: points, wave numbers, transforms, restriction.

    Args:
        lengths: physical side lengths.
        shape: grid points per side; the point with coordinate `length` is the one at 0.
    """

    lengths: tuple[float, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse a box whose sides and grid differ in number."""
        if len(self.lengths) != len(self.shape) or min(self.shape) < 2 or min(self.lengths) <= 0:
            raise ValueError(
                f"lengths={self.lengths} and shape={self.shape}: one positive length and at least "
                "two points for each side"
            )

    @property
    def dimension(self) -> int:
        """Number of sides."""
        return len(self.shape)

    @property
    def axes(self) -> tuple[int, ...]:
        """The tensor axes that are space, counted from the right."""
        return tuple(range(-self.dimension, 0))

    @property
    def spacing(self) -> tuple[float, ...]:
        """Grid spacing per side."""
        return tuple(length / n for length, n in zip(self.lengths, self.shape, strict=True))

    def points(self) -> Tensor:
        """Coordinates of the grid points, (d, *n), float64."""
        sides = [
            torch.arange(n, dtype=torch.float64) * h
            for n, h in zip(self.shape, self.spacing, strict=True)
        ]
        return torch.stack(torch.meshgrid(*sides, indexing="ij"))

    def waves(self, axis: int, odd: bool = False) -> Tensor:
        """Angular wave numbers 2π k / L along one axis, shaped to broadcast over a real transform.

        Args:
            axis: which side, from 0.
            odd: set the Nyquist wave to zero: a derivative of odd order has no real value there.
        """
        n, length = self.shape[axis], self.lengths[axis]
        last = axis == self.dimension - 1
        k = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, 1 / n, dtype=torch.float64)
        if odd and n % 2 == 0:
            k = torch.where(k.abs() == n / 2, torch.zeros_like(k), k)
        view = [1] * self.dimension
        view[axis] = -1
        return (k * (2 * math.pi / length)).view(view)

    def transform(self, u: Tensor) -> Tensor:
        """Real Fourier transform over the space axes."""
        return torch.fft.rfftn(u, dim=self.axes)

    def inverse(self, u_hat: Tensor) -> Tensor:
        """Inverse of `transform`."""
        return torch.fft.irfftn(u_hat, s=self.shape, dim=self.axes)

    def derivative(self, u: Tensor, axis: int, order: int = 1) -> Tensor:
        """Spectral derivative of a real field along one axis."""
        factor = (1j * self.waves(axis, odd=order % 2 == 1)) ** order
        return self.inverse(self.transform(u) * factor)

    def refined(self, factor: int) -> "Box":
        """The same box with `factor` times the points on every side."""
        return Box(self.lengths, tuple(n * factor for n in self.shape))

    def restrict(self, u: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A field on this grid, cut spectrally to a coarser one; its Nyquist wave is dropped.

        Shapes:
            u: (..., *n) to (..., *shape).
        """
        if any(new > old for new, old in zip(shape, self.shape, strict=True)):
            raise ValueError(f"restrict goes to a coarser grid; got {self.shape} to {shape}")
        if tuple(shape) == self.shape:
            return u
        u_hat = torch.fft.fftshift(torch.fft.fftn(u, dim=self.axes), dim=self.axes)
        for axis, new, old in zip(self.axes, shape, self.shape, strict=True):
            half = (new - 1) // 2
            u_hat = u_hat.narrow(axis, old // 2 - half, 2 * half + 1)
            if new % 2 == 0:
                # the Nyquist wave of an even grid cannot carry a phase: it stays empty
                empty = torch.zeros_like(u_hat.narrow(axis, 0, 1))
                u_hat = torch.cat([empty, u_hat], axis)
        u_hat = torch.fft.ifftshift(u_hat, dim=self.axes)
        scale = math.prod(shape) / math.prod(self.shape)
        return torch.fft.ifftn(u_hat, dim=self.axes).real * scale
