import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.burgers import steepening
from zoo.pde.errors import NoExact
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import columns, kept, spread
from zoo.pde.symmetry import Galilean, Scaling, Shift

NOME = 0.25
"""Elliptic nome q of the cnoidal wave: crests well apart, waves falling as q to their number."""


class KdV(Evolution):
    """u_t + c u u_x + d u_xxx = 0 in 1-D: Korteweg and de Vries' long waves in shallow water.

    Values that do not blow up: |c| to 12 and d in [0.1, 4], on the side 16 with 512 points
    (tests/pde/test_safe_ranges.py); a crest of height h has the width √(12 d / (c h)), which the
    grid must hold.
    With c = 0 the equation is linear. The classical scaling is c = 6, d = 1:
    `KdV(c=(6, 6), d=(1, 1))`.

    Units:
        dimensionless.

    Args:
        c: interval of the steepening c.
        d: interval of the dispersion d.
    Source:
        Korteweg & de Vries, Phil. Mag. 39 (1895); invariants: Miura, Gardner & Kruskal, J. Math.
        Phys. 9 (1968).
    """

    name: ClassVar[str] = "kdv"

    def __init__(
        self, *, c: tuple[float, float] = (3.0, 6.0), d: tuple[float, float] = (0.5, 1.0)
    ) -> None:
        self.dimension = 1
        self.c = c
        self.d = d
        self._ranges = self._ranged(c=c, d=d)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("c", "d")

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return dict.fromkeys(("u", "c", "d"), "1")

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution."""
        return {"c": (-12.0, 12.0), "d": (0.1, 4.0)}

    @property
    def lengths(self) -> tuple[float, ...]:
        """As in Evolution."""
        return (16.0,)

    @property
    def frame(self) -> float:
        """As in Evolution."""
        return 0.1

    @property
    def symmetries(self) -> dict:
        """As in Evolution."""
        return {
            "shift": Shift(),
            "galilean": Galilean(columns=(0,)),
            "scaling": Scaling(2.0, -1.0, -3.0),
        }

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution."""
        return 1j * spread(p[:, 1], box) * box.waves(0, odd=True) ** 3

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution: -½ i c k times the waves of u²."""
        return steepening(box, p[:, :1])(u_hat)

    def carried(self, box: Box) -> Tensor | None:
        """As in Evolution."""
        return kept(box)

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor]:
        """As in Evolution."""
        return steepening(box, p[:, :1], columns(kept(box)))

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: the cnoidal wave of nome `NOME` with one crest a box and zero mean.

        With ξ = x - V t: u = (96 π² d / (c L²)) Σ n qⁿ / (1 - q²ⁿ) cos(2π n ξ / L), and
        V = -(4π² d / L²) (1 - 24 Σ n q²ⁿ / (1 - q²ⁿ)): the Fourier series of dn², whose constants
        K, E and m drop out.

        Raises:
            NoExact: some c is zero; then every wave moves by itself.
        Source:
            Whittaker & Watson, A Course of Modern Analysis, 22.6, 22.735 for the series of dn².
        """
        if bool((p[:, 0] == 0).any()):
            raise NoExact(f"{self.name}: c=0 has no cnoidal wave; use c != 0")
        length = box.lengths[0]
        c, d = (spread(p[:, i], box)[:, None] for i in (0, 1))
        terms = [(n, n * NOME**n / (1 - NOME ** (2 * n))) for n in range(1, 45)]
        slowing = 1 - 24 * sum(weight * NOME**n for n, weight in terms)
        wave = 2 * math.pi / length
        x = box.points()[0] + slowing * wave**2 * d * times.double().view(-1, 1, 1)
        crest = torch.stack([weight * (n * wave * x).cos() for n, weight in terms]).sum(0)
        return 24 * wave**2 * d / c * crest

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution: ∫ u, ∫ u² / 2, ∫ (c u³ / 6 - d u_x² / 2)."""
        (length,) = box.lengths
        c, d = spread(p[:, 0], box), spread(p[:, 1], box)
        energy = c * u**3 / 6 - d * box.derivative(u, 0) ** 2 / 2
        return {
            "mass": length * u.flatten(1).mean(1),
            "momentum": length * (u**2 / 2).flatten(1).mean(1),
            "energy": length * energy.flatten(1).mean(1),
        }
