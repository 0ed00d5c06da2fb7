from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.closed import fronts
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import columns, kept, laplacian, spread
from zoo.pde.symmetry import Galilean, Scaling, Shift, Symmetry


class Burgers(Evolution):
    """u_t + u c·grad u = ν Δu, periodic, u a scalar: a front steepens along c and diffuses.

    The nonlinearity is in conservative form, -½ div(c u²): two transforms a stage.

    Units:
        ν in length² per time; c u in length per time.

    Args:
        dimension: of space, 1 to 3.
        nu: interval of ν. The front is ν / |c u| thin: with c = 1 and RandomWaves on a box of
            side 2, 64 points hold it to 6 per cent at ν = 1e-2, 256 at 2e-3, half as many do not
            (tests/pde/test_safe_ranges.py).
        c: interval of each component of c; with c = 0 it is the heat equation.
    Accuracy:
        of order `order` in the step; see tests/pde/test_evolution.py.
    Source:
        ranges of Zhou et al., arXiv 2406.08473, whose two components are equal in effect.
    """

    name: ClassVar[str] = "burgers"

    def __init__(
        self,
        dimension: int = 2,
        nu: tuple[float, float] = (7.5e-3, 1.5e-2),
        c: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        self.dimension = dimension
        self.nu = nu
        self.c = c
        self._ranges = self._ranged(nu=nu, **dict.fromkeys(self.coefficients[1:], c))

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("nu", *("cx", "cy", "cz")[: self.dimension])

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return {"u": "1", "nu": "length^2/time"} | dict.fromkeys(
            self.coefficients[1:], "length/time"
        )

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution: below ν = 2e-3 fronts are thinner than grids here resolve."""
        return {"nu": (2e-3, 1.0)} | dict.fromkeys(self.coefficients[1:], (-2.0, 2.0))

    @property
    def symmetries(self) -> dict[str, Symmetry]:
        """As in Evolution."""
        columns = tuple(range(1, 1 + self.dimension))
        return {
            "shift": Shift(),
            "galilean": Galilean(columns=columns),
            "scaling": Scaling(-1, 1, 2),
        }

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution: -ν|k|²."""
        return -spread(p[:, 0], box) * laplacian(box)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor | None:
        """As in Evolution: -½ i c·k times the waves of u²."""
        return steepening(box, p[:, 1:])(u_hat)

    def carried(self, box: Box) -> Tensor | None:
        """As in Evolution."""
        return kept(box)

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor]:
        """As in Evolution."""
        return steepening(box, p[:, 1:], columns(kept(box)))

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: one front that steepens and decays, by Cole and Hopf.

        Where c·k = 0 the front does not steepen: then the three waves of the heat equation are the
        solution if c = 0.
        """
        return fronts(box, p[:, 0], p.new_zeros(len(p), self.dimension), p[:, 1:], times)

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution: the mean."""
        return {"mean": u.flatten(1).mean(1)}


def steepening(box: Box, c: Tensor, columns: int | None = None) -> Callable[[Tensor], Tensor]:
    """Waves of -½ div(c u²) from those of u, dealiased; c (b, d).

    Args:
        box: the grid.
        c: the coefficients.
        columns: given, the waves come and go as the first columns of the last axis alone, and those
            that come hold none beyond `kept`.
    """
    mask = kept(box)
    along = spread(c[:, 0], box) * box.waves(0, odd=True)
    for axis in range(1, box.dimension):
        along = along + spread(c[:, axis], box) * box.waves(axis, odd=True)
    factor = (along * mask * -0.5j)[..., :columns].contiguous()
    first = box.axes[:-1]

    def narrow(u_hat: Tensor) -> Tensor:
        # one axis after the other: columns that are zero need no transform, and irfftn copies
        waves = torch.fft.ifftn(u_hat, dim=first) if first else u_hat
        u = torch.fft.irfft(waves, n=box.shape[-1])
        # fftn on rfft's columns would lie in another order in memory: slower to add
        return box.transform(u.square())[..., :columns] * factor

    return narrow if columns else lambda u_hat: narrow(u_hat * mask)
