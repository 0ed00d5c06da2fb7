from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.burgers import steepening
from zoo.pde.closed import fronts
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import laplacian, spread
from zoo.pde.symmetry import Galilean, Shift, Symmetry


class Transport(Evolution):
    """u_t = ν Δu - a·grad u - u c·grad u, periodic: heat, advection and Burgers in one.

    With a = c = 0 it is Heat, with ν = c = 0 Advection, with a = 0 Burgers. A mixture of the three
    has these coefficients, zero where a set has none, and one right-hand side for all.

    Units:
        ν in length² per time; a and c u in length per time.

    Args:
        dimension: of space, 1 to 3.
        nu: interval of ν.
        a: interval of each component of a; positive flows in the positive direction.
        c: interval of each component of c.
    Accuracy:
        as that of Burgers; with c = 0 in the whole batch `evolve` is exact.
    """

    name: ClassVar[str] = "transport"

    def __init__(
        self,
        dimension: int = 2,
        nu: tuple[float, float] = (2e-3, 2e-2),
        a: tuple[float, float] = (0.1, 2.5),
        c: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        self.dimension = dimension
        self.nu = nu
        self.a = a
        self.c = c
        sides = range(dimension)
        flow, bend = self.coefficients[1 : 1 + dimension], self.coefficients[1 + dimension :]
        self._ranges = self._ranged(
            nu=nu, **{flow[i]: a for i in sides}, **{bend[i]: c for i in sides}
        )

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        d = self.dimension
        return ("nu", *("ax", "ay", "az")[:d], *("cx", "cy", "cz")[:d])

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return {"u": "1", "nu": "length^2/time"} | dict.fromkeys(
            self.coefficients[1:], "length/time"
        )

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution; ν = 0 is safe only where c = 0."""
        return (
            {"nu": (0.0, 1.0)}
            | dict.fromkeys(self.coefficients[1 : 1 + self.dimension], (-10.0, 10.0))
            | dict.fromkeys(self.coefficients[1 + self.dimension :], (-2.0, 2.0))
        )

    @property
    def symmetries(self) -> dict[str, Symmetry]:
        """As in Evolution; Galilean ones leave heat and advection, where c = 0, as they are."""
        columns = tuple(range(1 + self.dimension, 1 + 2 * self.dimension))
        return {"shift": Shift(), "galilean": Galilean(columns=columns)}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution: -ν|k|² - i a·k."""
        flow = spread(p[:, 1], box) * box.waves(0, odd=True)
        for axis in range(1, self.dimension):
            flow = flow + spread(p[:, 1 + axis], box) * box.waves(axis, odd=True)
        return torch.complex(-spread(p[:, 0], box) * laplacian(box), -flow)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution: -½ i c·k times the waves of u²; zero where c = 0."""
        return steepening(box, p[:, 1 + self.dimension :])(u_hat)

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor] | None:
        """As in Evolution; None where c = 0 in the whole batch."""
        c = p[:, 1 + self.dimension :]
        return steepening(box, c) if bool((c != 0).any()) else None

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: one front of Cole and Hopf, carried along; three waves where c = 0."""
        flow, c = p[:, 1:].split(self.dimension, 1)
        return fronts(box, p[:, 0], flow, c, times)

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution: the mean."""
        return {"mean": u.flatten(1).mean(1)}
