from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.errors import NoExact
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import kept, laplacian, spread
from zoo.pde.symmetry import Shift
from zoo.pde.travelling import TravellingWaves


class GrayScott(Evolution):
    """a_t = Du Δa - a b² + F (1 - a), b_t = Dv Δb + a b² - (F + κ) b: a feeds b, and spots divide.

    Concentrations of a fuel a, fed at rate F, and of a catalyst b, removed at rate F + κ. Without b
    the equation is linear: a relaxes to 1. Start from `start`, whose values lie in [0, 1];
    fields that are negative somewhere have no meaning here, though most do not blow up.

    Values that do not blow up: F in [0.005, 0.2], κ in [0.02, 0.1], diffusivities in [1e-5, 1e-4];
    where the fuel spreads far faster than the catalyst, b grows in points. Patterns live near F in
    [0.014, 0.06], κ in [0.045, 0.065] (Pearson). Fronts have the width √(Dv / F): the side 1 needs
    128 points for two digits, since products of three leave the waves below a quarter of the grid
    (tests/pde/test_safe_ranges.py).

    Units:
        concentrations dimensionless; times in the reaction's units; lengths so that Du = 2e-5.

    Args:
        dimension: 1, 2 or 3.
        F: interval of the feed rate.
        kappa: interval of the removal rate κ.
        Du: interval of the fuel's diffusivity.
        Dv: interval of the catalyst's.
    Source:
        Gray & Scott, Chem. Eng. Sci. 39 (1984); Pearson, Science 261 (1993) for the ranges.
    """

    name: ClassVar[str] = "gray_scott"
    fields: ClassVar[tuple[str, ...]] = ("a", "b")
    degree: ClassVar[int] = 3

    def __init__(
        self,
        dimension: int = 2,
        *,
        F: tuple[float, float] = (0.03, 0.05),
        kappa: tuple[float, float] = (0.057, 0.063),
        Du: tuple[float, float] = (2e-5, 2e-5),
        Dv: tuple[float, float] = (1e-5, 1e-5),
    ) -> None:
        if dimension not in (1, 2, 3):
            raise ValueError(f"dimension={dimension}; a reactor has 1, 2 or 3")
        self.dimension = dimension
        self.F = F
        self.kappa = kappa
        self.Du = Du
        self.Dv = Dv
        self._ranges = self._ranged(F=F, kappa=kappa, Du=Du, Dv=Dv)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("F", "kappa", "Du", "Dv")

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return dict.fromkeys((*self.fields, *self.coefficients), "1")

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution."""
        spreading = (1e-5, 1e-4)
        return {"F": (5e-3, 0.2), "kappa": (0.02, 0.1), "Du": spreading, "Dv": spreading}

    @property
    def lengths(self) -> tuple[float, ...]:
        """As in Evolution."""
        return (1.0,) * self.dimension

    @property
    def frame(self) -> float:
        """As in Evolution."""
        return 20.0

    @property
    def symmetries(self) -> dict:
        """As in Evolution."""
        return {"shift": Shift()}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution."""
        feed, removal, du, dv = (spread(p[:, i], box) for i in range(4))
        square = laplacian(box)
        return -torch.cat([feed + du * square, feed + removal + dv * square], 1)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution: the reaction and the constant part of the feed."""
        keep = kept(box, self.degree)
        a, b = box.inverse(keep * u_hat).unbind(1)
        reaction = (keep * box.transform(a * b * b))[:, None]
        feed = spread(p[:, 0], box) * box.transform(torch.ones(box.shape, dtype=torch.float64))
        return torch.cat([feed - reaction, reaction], 1)

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution."""
        raise NoExact(f"{self.name}: no closed form is known where b != 0; see `manufactured`")

    def manufactured(self, box: Box, p: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """As in Evolution: two travelling waves in each concentration."""
        fuel = TravellingWaves(box, mean=0.6, amplitude=0.2, speed=0.6)
        catalyst = TravellingWaves(box, mean=0.4, amplitude=0.2, phase=1.3)
        a, b = fuel.value(times)[None, :, None], catalyst.value(times)[None, :, None]
        feed, removal, du, dv = (spread(p[:, i], box)[:, None] for i in range(4))
        reaction = a * b * b
        first = fuel.rate(times)[None, :, None] - du * fuel.laplacian(times)[None, :, None]
        first = first + reaction - feed * (1 - a)
        second = catalyst.rate(times)[None, :, None] - dv * catalyst.laplacian(times)[None, :, None]
        second = second - reaction + (feed + removal) * b
        return torch.cat([a, b], 2).expand(len(p), -1, -1, *box.shape), torch.cat(
            [first, second], 2
        )

    def start(self, waves: Tensor) -> Tensor:
        """As in Evolution: catalyst b where the first field u is large.

        a = 1 - s / 2 and b = s / 4, where s = 1 / (1 + e^(-6 (u - 0.4))).
        """
        s = torch.sigmoid(6 * (waves[:, :1] - 0.4))
        return torch.cat([1 - s / 2, s / 4], 1)
