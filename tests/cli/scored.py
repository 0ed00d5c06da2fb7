"""A model whose every error is known, and data to score it on."""

import torch

from zoo.data.mixture import Mixture
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.metrics.classical import Classical
from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.models.parts.affine import Affine
from zoo.pde.box import Box
from zoo.pde.heat import Heat

DT, FRAMES = 0.05, 9
FACTOR = 1.1


class TooLarge(Operator):
    """The exact next frame of the heat equation, times FACTOR; ν = 0.01 for every sample."""

    def __init__(self, interface: Interface, factor: float = FACTOR) -> None:
        super().__init__()
        self.interface, self.factor = interface, factor
        self.normaliser = Affine()
        self.dummy = torch.nn.Parameter(torch.zeros(()))

    def body(self, u, p):
        return u

    def project(self, h):
        return h

    def forward(self, u, p=None):
        box = Box(self.interface.box, tuple(u.shape[3:]))
        nu = torch.full((len(u), 1), 0.01).double()
        solver = Classical(Heat(box.dimension, (0.01, 0.01)), box.shape)
        return self.factor * solver.march(u[:, -1], nu, box, DT, frames=1).float()


def heat(**options):
    """Trajectories of the heat equation in one dimension, and their windows."""
    sets = [
        Trajectories(
            Heat(1, (0.01, 0.01)), 16, timeline=Timeline(FRAMES, DT), train=0, validation=0, test=5
        )
    ]
    window = Window(history=2, evaluate=options.pop("evaluate", FRAMES - 2))
    return Mixture(sets, window=window, **{"batch_size": 5, **options})


def face(**changes):
    """The model's interface: it is not told ν."""
    told = {"inputs": ("u",), "outputs": ("u",), "box": (2.0,), "dt": DT, "history": 2}
    return Interface(**{**told, **changes})
