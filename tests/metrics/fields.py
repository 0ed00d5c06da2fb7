"""Fields whose errors are known beforehand, in batches as data modules give them."""

import math

import torch

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine

TURN = 2 * math.pi


def model():
    """Any operator: the prediction stands in the batch."""
    torch.manual_seed(0)
    return FNO(Interface(("u",), ("u",), dt=0.1), Affine(), width=2, modes=1, layers=1)


def grid(*shape, lengths=None):
    """Coordinates of a periodic grid, in turns where no lengths are given."""
    lengths = lengths or (TURN,) * len(shape)
    axes = [torch.arange(n).double() * side / n for n, side in zip(shape, lengths, strict=True)]
    return torch.meshgrid(*axes, indexing="ij")


def batch(prediction, target, *, lengths=None, system=None, **more):
    """Fields (b, t, c, *n) as a batch; the last frame that went in is zero if not given."""
    shape = target.shape[3:]
    sides = lengths or (TURN,) * len(shape)
    spacing = [side / n for side, n in zip(sides, shape, strict=True)]
    b = len(target)
    return {
        "u": torch.zeros_like(target[:, :1]),
        "y": target,
        "prediction": prediction,
        "p": torch.zeros(b, 0),
        "dx": torch.tensor(spacing).expand(b, -1),
        "dt": torch.full((b,), 0.1),
        "system": torch.zeros(b, dtype=torch.long) if system is None else torch.tensor(system),
        **more,
    }


def measured(metric, *batches):
    """Figures by name."""
    net = model()
    for one in batches:
        metric.update(net, one)
    return {name: float(value) for name, value in metric.compute().items()}
