import torch
from torch import Tensor

from zoo.data.targets.target import Target
from zoo.pde.points.equation import PointEquation


class Noisy(Target):
    """Another target with independent Gaussian noise on every number.

    Args:
        target: what is disturbed.
        deviation: standard deviation of the noise, in the units of each number: the same on values
            and on derivatives.
    """

    def __init__(self, target: Target, deviation: float) -> None:
        if not deviation >= 0:
            raise ValueError(f"deviation={deviation}: not below zero")
        self.target = target
        self.deviation = deviation

    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """As in Target."""
        return {
            key: value + self.deviation * torch.randn(value.shape, dtype=value.dtype, generator=rng)
            for key, value in self.target(equation, x, rng).items()
        }
