import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import kept, laplacian, spread
from zoo.pde.symmetry import Shift
from zoo.pde.travelling import TravellingWaves


class AllenCahn(Evolution):
    """u_t = ε² Δu + r (u - u³): two phases, u = 1 and u = -1, part and coarsen.

    The energy ∫ ε² |∇u|² / 2 + r (1 - u²)² / 4 falls; |u| <= 1 stays so. Values that do not blow
    up: any ε² >= 0 and r >= 0; an interface has the width √(2 ε² / r), which the grid must hold.
    With r = 0 the equation is the heat equation.

    Units:
        dimensionless.

    Args:
        dimension: 1, 2 or 3.
        eps2: interval of ε².
        r: interval of the rate r.
    Source:
        Allen & Cahn, Acta Metall. 27 (1979).
    """

    name: ClassVar[str] = "allen_cahn"
    degree: ClassVar[int] = 3

    def __init__(
        self,
        dimension: int = 2,
        *,
        eps2: tuple[float, float] = (1e-3, 5e-3),
        r: tuple[float, float] = (0.5, 2.0),
    ) -> None:
        if dimension not in (1, 2, 3):
            raise ValueError(f"dimension={dimension}; an alloy has 1, 2 or 3")
        self.dimension = dimension
        self.eps2 = eps2
        self.r = r
        self._ranges = self._ranged(eps2=eps2, r=r)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("eps2", "r")

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return dict.fromkeys(("u", "eps2", "r"), "1")

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution: thinner interfaces need grids that are too fine."""
        return {"eps2": (5e-4, 10.0), "r": (0.0, 10.0)}

    @property
    def frame(self) -> float:
        """As in Evolution."""
        return 0.1

    @property
    def symmetries(self) -> dict:
        """As in Evolution."""
        return {"shift": Shift()}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution."""
        return spread(p[:, 1], box) - spread(p[:, 0], box) * laplacian(box)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution."""
        keep = kept(box, self.degree)
        return -spread(p[:, 1], box) * keep * box.transform(box.inverse(keep * u_hat) ** 3)

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: the same everywhere, u = u₀ / √(u₀² + (1 - u₀²) e^(-2rt)), u₀ = 0.2.

        No closed form that depends on space is periodic; `manufactured` has such a one.
        """
        r = spread(p[:, 1], box)[:, None]
        clock = times.double().view(-1, *(1,) * (1 + self.dimension))
        u = 0.2 / (0.04 + 0.96 * (-2 * r * clock).exp()).sqrt()
        return u.expand(len(p), len(times), 1, *box.shape)

    def manufactured(self, box: Box, p: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """As in Evolution: two travelling waves."""
        waves = TravellingWaves(box, mean=0.1)
        eps2, r = (spread(p[:, i], box)[:, None] for i in (0, 1))
        u, bent = waves.value(times)[None, :, None], waves.laplacian(times)[None, :, None]
        forcing = waves.rate(times)[None, :, None] - eps2 * bent - r * (u - u**3)
        return u.expand_as(forcing), forcing

    def energy(self, box: Box, u: Tensor, p: Tensor) -> Tensor:
        """∫ ε² |∇u|² / 2 + r (1 - u²)² / 4 of (b, 1, *n), (b,): never rises."""
        slopes = torch.stack([box.derivative(u, axis) ** 2 for axis in range(self.dimension)])
        density = spread(p[:, 0], box) * slopes.sum(0) / 2
        density = density + spread(p[:, 1], box) * (1 - u**2) ** 2 / 4
        return math.prod(box.lengths) * density.flatten(1).mean(1)
