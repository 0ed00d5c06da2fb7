from abc import ABC, abstractmethod

import torch
from torch import Tensor

from zoo.pde.evolution import Evolution

Acted = tuple[Tensor, Tensor, Tensor, Tensor]
State = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""u, times, p, dx, dt as in Augmentation's Shapes."""


class Augmentation(ABC):
    """A random change of training samples that leaves them solutions of their equation.

    It acts on the frames of a window, inputs and targets together, and draws for each sample its
    own numbers: all of them uniform in [0, 1), the first decides whether the sample is changed at
    all. Drawing and applying are apart, so that every rank can draw for the whole global batch and
    apply its share.

    Shapes:
        u (b, t, c, *n); times (b, t), physical; p (b, P), the equation's own coefficients;
        dx (b, d); dt (b,). Nothing is changed in place.

    Args:
        probability: with which a sample is changed.
    """

    def __init__(self, probability: float = 1.0) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability={probability} must lie between 0 and 1")
        self.probability = probability

    @abstractmethod
    def size(self, dimension: int) -> int:
        """How many numbers `change` needs for a sample."""

    @abstractmethod
    def change(self, state: State, equation: Evolution | None, drawn: Tensor) -> Acted:
        """The changed (u, p, dx, dt) of samples that are all to be changed; drawn (b, size)."""

    def draw(self, count: int, dimension: int, rng: torch.Generator) -> Tensor:
        """Uniform numbers for `count` samples, (count, 1 + size), float64."""
        shape = (count, 1 + self.size(dimension))
        return torch.rand(shape, generator=rng, dtype=torch.float64)

    def apply(
        self,
        u: Tensor,
        times: Tensor,
        p: Tensor,
        dx: Tensor,
        dt: Tensor,
        equation: Evolution | None,
        drawn: Tensor,
    ) -> Acted:
        """The (u, p, dx, dt) that follow from what `draw` gave; the others stay bit-equal."""
        chosen = drawn[:, 0] < self.probability
        if bool(chosen.all()):
            return self.change((u, times, p, dx, dt), equation, drawn[:, 1:])
        u, p, dx, dt = (value.clone() for value in (u, p, dx, dt))
        if bool(chosen.any()):
            part = (u[chosen], times[chosen], p[chosen], dx[chosen], dt[chosen])
            changed = self.change(part, equation, drawn[chosen, 1:])
            u[chosen], p[chosen], dx[chosen], dt[chosen] = changed
        return u, p, dx, dt

    def __call__(
        self,
        u: Tensor,
        times: Tensor,
        p: Tensor,
        dx: Tensor,
        dt: Tensor,
        equation: Evolution | None,
        rng: torch.Generator,
    ) -> Acted:
        """Draw and apply at once."""
        drawn = self.draw(len(u), u.ndim - 3, rng)
        return self.apply(u, times, p, dx, dt, equation, drawn)
