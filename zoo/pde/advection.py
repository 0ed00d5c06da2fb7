from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.closed import decaying_waves
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import spread
from zoo.pde.symmetry import Amplitude, Shift, Symmetry


class Advection(Evolution):
    """u_t + a·grad u = 0, periodic: u(x, t) = u0(x - a t).

    A positive component of a carries the field in the positive direction of its axis.

    Units:
        a in length per time.

    Args:
        dimension: of space, 1 to 3.
        a: interval of each component of a.
    Accuracy:
        one exact factor: 1e-12 in tests/pde/test_evolution.py. On an even grid the Nyquist wave
        stays where it is.
    Source:
        ranges of Zhou et al., arXiv 2406.08473, whose generator evaluates u0(x + a t) instead.
    """

    name: ClassVar[str] = "advection"

    def __init__(self, dimension: int = 2, a: tuple[float, float] = (0.1, 2.5)) -> None:
        self.dimension = dimension
        self.a = a
        self._ranges = self._ranged(**dict.fromkeys(self.coefficients, a))

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("ax", "ay", "az")[: self.dimension]

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return {"u": "1", **dict.fromkeys(self.coefficients, "length/time")}

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution: any velocity, since the translation is exact."""
        return dict.fromkeys(self.coefficients, (-float("inf"), float("inf")))

    @property
    def symmetries(self) -> dict[str, Symmetry]:
        """As in Evolution."""
        return {"shift": Shift(), "amplitude": Amplitude()}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution: -i a·k."""
        flow = sum(
            (spread(p[:, i], box) * box.waves(i, odd=True) for i in range(self.dimension)),
            torch.zeros((), dtype=p.dtype),
        )
        return torch.complex(torch.zeros_like(flow), -flow)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor | None:
        """As in Evolution: there is none."""
        return None

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: three waves that travel."""
        return decaying_waves(box, p.new_zeros(len(p)), p, times)

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution: mean and energy."""
        flat = u.flatten(1)
        return {"mean": flat.mean(1), "energy": flat.square().mean(1)}
