from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.burgers import steepening
from zoo.pde.errors import NoExact
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import columns, kept, laplacian, spread
from zoo.pde.symmetry import Galilean, Shift
from zoo.pde.travelling import TravellingWaves


class KuramotoSivashinsky(Evolution):
    """Flame fronts: long waves grow, short ones decay, and the nonlinearity makes it chaos.

    1-D, for the front's slope: u_t + c u u_x + u_xx + ν u_xxxx = 0. In 2-D and 3-D, for its height:
    u_t + c (|∇u|² - mean |∇u|²) / 2 + Δu + ν Δ²u = 0, in the frame that rises with the mean front.
    Both keep the mean. With c = 0 the equation is linear, and grows without bound.

    Values that do not blow up: ν in [0.2, 5], |c| to 4 on sides up to 200. Waves longer than 2π√ν
    grow, at the rate 1 / (4ν) at most; on the side 64, ν = 0.2 needs 512 points, ν >= 0.7 needs 256
    (tests/pde/test_safe_ranges.py).

    Units:
        dimensionless; lengths in units of the longest stable wave at ν = 1, over 2π.

    Args:
        dimension: 1 for the slope, 2 or 3 for the height.
        nu: interval of ν.
        c: interval of c.
    Source:
        Kuramoto, Prog. Theor. Phys. Suppl. 64 (1978); Sivashinsky, Acta Astronaut. 4 (1977).
    """

    name: ClassVar[str] = "kuramoto_sivashinsky"

    def __init__(
        self,
        dimension: int = 1,
        *,
        nu: tuple[float, float] = (0.7, 1.3),
        c: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        if dimension not in (1, 2, 3):
            raise ValueError(f"dimension={dimension}; a front has 1, 2 or 3")
        self.dimension = dimension
        self.nu = nu
        self.c = c
        self._ranges = self._ranged(nu=nu, c=c)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("nu", "c")

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return dict.fromkeys(("u", "nu", "c"), "1")

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution."""
        return {"nu": (0.2, 5.0), "c": (-4.0, 4.0)}

    @property
    def lengths(self) -> tuple[float, ...]:
        """As in Evolution."""
        return (64.0 if self.dimension == 1 else 32.0,) * self.dimension

    @property
    def frame(self) -> float:
        """As in Evolution."""
        return 1.0

    @property
    def symmetries(self) -> dict:
        """As in Evolution: a height has no periodic Galilean boost."""
        boost = {"galilean": Galilean(columns=(1,))} if self.dimension == 1 else {}
        return {"shift": Shift(), **boost}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution."""
        square = laplacian(box)
        return square - spread(p[:, 0], box) * square**2

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution: the slope's -½ i c k times the waves of u², the height's -½ c |∇u|²."""
        if self.dimension == 1:
            return steepening(box, p[:, 1:])(u_hat)
        return self.prepared(box, p)(u_hat)

    def carried(self, box: Box) -> Tensor | None:
        """As in Evolution."""
        return kept(box) if self.dimension == 1 else None

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor]:
        """As in Evolution."""
        keep = kept(box)
        if self.dimension == 1:
            return steepening(box, p[:, 1:], columns(keep))
        slopes = [1j * box.waves(axis, odd=True) * keep for axis in self._axes]
        # the mean front rises: its frame is ours
        factor = -spread(p[:, 1], box) / 2 * (keep * (laplacian(box) > 0))

        def nonlinear(u_hat: Tensor) -> Tensor:
            square = torch.stack([box.inverse(slope * u_hat) ** 2 for slope in slopes]).sum(0)
            return factor * box.transform(square)

        return nonlinear

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution."""
        raise NoExact(f"{self.name}: chaotic, so no closed form is known; `manufactured` has one")

    def manufactured(self, box: Box, p: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """As in Evolution: two travelling waves."""
        waves = TravellingWaves(box, mean=0.2)
        nu, c = (spread(p[:, i], box)[:, None] for i in (0, 1))
        u = waves.value(times)
        if self.dimension == 1:
            bent = u * waves.slope(times, 0)
        else:
            square = torch.stack([waves.slope(times, i) ** 2 for i in self._axes]).sum(0)
            bent = (square - waves.mean_square_slope()) / 2
        plain, bent = waves.rate(times) + waves.laplacian(times), bent[None, :, None]
        forcing = plain[None, :, None] + c * bent + nu * waves.laplacian(times, 2)[None, :, None]
        return u[None, :, None].expand_as(forcing), forcing

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution."""
        return {"mean": u.flatten(1).mean(1)}

    @property
    def _axes(self) -> range:
        return range(self.dimension)
