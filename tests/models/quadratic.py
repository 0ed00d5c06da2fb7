"""A field that is no perceptron, whose Hessian is known."""

import torch
from torch import nn

from zoo.models.base import Interface
from zoo.models.field import Field
from zoo.models.parts.unscaled import Unscaled


class Quadratic(Field):
    """½ x·Ax + k² b·x for each output, with the parameter k behind the coordinates."""

    def __init__(self, hessian, slope):
        super().__init__()
        outputs, size = slope.shape
        region = ((0.0, 1.0),) * (size + 1)
        names = tuple(f"x{i}" for i in range(size))
        values = tuple(f"u{i}" for i in range(outputs))
        self.interface = Interface(names, values, ("k",), region=region)
        self.normaliser = Unscaled().bind(self.interface)
        self.hessian, self.slope = nn.Parameter(hessian), nn.Parameter(slope)

    def values(self, x):
        own, k = x[:, :-1], x[:, -1:]
        square = torch.einsum("bi,cij,bj->bc", own, self.hessian, own) / 2
        return square + k**2 * (own @ self.slope.mT)

    @classmethod
    def drawn(cls, rng, size=6, outputs=1):
        raw = torch.randn(outputs, size, size, generator=rng).double()
        return cls(raw + raw.mT, torch.randn(outputs, size, generator=rng).double())
