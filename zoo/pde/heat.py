from typing import ClassVar

from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.closed import decaying_waves
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import laplacian, spread
from zoo.pde.symmetry import Amplitude, Scaling, Shift, Symmetry


class Heat(Evolution):
    """u_t = ν Δu, periodic.

    Units:
        ν in length² per time.

    Args:
        dimension: of space, 1 to 3.
        nu: interval of ν; every ν >= 0 is safe.
    Accuracy:
        one exact factor: 1e-12 in tests/pde/test_evolution.py.
    Source:
        ranges of Zhou et al., arXiv 2406.08473.
    """

    name: ClassVar[str] = "heat"

    def __init__(self, dimension: int = 2, nu: tuple[float, float] = (2e-3, 2e-2)) -> None:
        self.dimension = dimension
        self.nu = nu
        self._ranges = self._ranged(nu=nu)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("nu",)

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return {"u": "1", "nu": "length^2/time"}

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution."""
        return {"nu": (0.0, float("inf"))}

    @property
    def symmetries(self) -> dict[str, Symmetry]:
        """As in Evolution."""
        return {"shift": Shift(), "amplitude": Amplitude(), "scaling": Scaling(0, 1, 2)}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution: -ν|k|²."""
        return -spread(p[:, 0], box) * laplacian(box)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor | None:
        """As in Evolution: there is none."""
        return None

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: three waves that decay."""
        return decaying_waves(box, p[:, 0], p.new_zeros(len(p), self.dimension), times)

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution: the mean."""
        return {"mean": u.flatten(1).mean(1)}
