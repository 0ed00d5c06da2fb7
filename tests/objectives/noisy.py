"""Derivatives with noise of a known size, as estimators have it."""

import torch
from torch import Tensor

from zoo.models.field import Estimator, Field
from zoo.ops.jets import AutogradJet, Jet


class NoisyJet(AutogradJet):
    """Each first derivative is off by a normal number; halves are off by √2 as much, apart."""

    exact = False

    def __init__(self, field: Field, x: Tensor, spread: float) -> None:
        super().__init__(field, x, len(field.interface.inputs))
        self.field, self.x, self.spread = field, x, spread
        self.noise = spread * torch.randn(len(x), 1, self._size, dtype=x.dtype)

    @property
    def gradient(self) -> Tensor:
        return super().gradient + self.noise

    def halves(self) -> tuple[Jet, Jet]:
        wide = self.spread * 2**0.5
        return NoisyJet(self.field, self.x, wide), NoisyJet(self.field, self.x, wide)


class Noisy(Estimator):
    """Makes such jets; counts them, and keeps their points."""

    def __init__(self, spread: float = 1.0) -> None:
        self.spread = spread
        self.asked: list[Tensor] = []

    def jet(self, field: Field, x: Tensor) -> Jet:
        self.asked.append(x)
        return NoisyJet(field, x, self.spread)
