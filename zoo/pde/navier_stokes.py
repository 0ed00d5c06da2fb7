import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.pde.spectrum import kept, laplacian, spread
from zoo.pde.symmetry import Shift
from zoo.pde.travelling import TravellingWaves


class NavierStokes(Evolution):
    """w_t + v·∇w = ν Δw + a (sin θ + cos θ), θ = 2π (x / L₁ + y / L₂): a stirred plane fluid.

    Incompressible, in its vorticity w = ∂ₓ v₂ - ∂ᵧ v₁; the velocity has zero mean, and so have w
    and the stirring. The advection is written as (∂ₓₓ - ∂ᵧᵧ)(v₁ v₂) + ∂ₓ∂ᵧ (v₂² - v₁²), four
    transforms a stage.

    Values that do not blow up: any, if the grid resolves them; the smaller ν, the finer it must be,
    and `simulate` finds how fine.

    Units:
        dimensionless: time in turnovers of unit vorticity.

    Args:
        nu: interval of the viscosity ν.
        amp: interval of the stirring's amplitude a; (0, 0) turns it off.
    Source:
        the stirring: Li et al., ICLR 2021 (arXiv 2010.08895), A.3.3; the advection's form:
        Basdevant, J. Comput. Phys. 50 (1983).
    """

    name: ClassVar[str] = "navier_stokes"
    fields: ClassVar[tuple[str, ...]] = ("w",)

    def __init__(
        self, *, nu: tuple[float, float] = (1e-3, 1e-2), amp: tuple[float, float] = (0.0, 0.1)
    ) -> None:
        self.dimension = 2
        self.nu = nu
        self.amp = amp
        self._ranges = self._ranged(nu=nu, amp=amp)

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in Evolution."""
        return ("nu", "amp")

    @property
    def units(self) -> dict[str, str]:
        """As in Evolution."""
        return dict.fromkeys(("w", "nu", "amp"), "1")

    @property
    def safe(self) -> dict[str, tuple[float, float]]:
        """As in Evolution: a smaller ν needs grids that are too fine."""
        return {"nu": (5e-4, 10.0), "amp": (-1.0, 1.0)}

    @property
    def frame(self) -> float:
        """As in Evolution."""
        return 0.1

    @property
    def symmetries(self) -> dict:
        """As in Evolution: the stirring is fixed in space, so only an unstirred fluid shifts."""
        return {"shift": Shift()} if self._ranges["amp"] == (0.0, 0.0) else {}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Evolution."""
        return -spread(p[:, 0], box) * laplacian(box)

    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor:
        """As in Evolution: minus the advection, plus the stirring."""
        return self.prepared(box, p)(u_hat)

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor]:
        """As in Evolution."""
        keep = kept(box)
        x, y = (box.waves(axis, odd=True) for axis in (0, 1))
        first, second = (keep * factor for factor in _curls(box))
        shear, stretch = keep * (x * x - y * y), keep * (x * y)
        stirred = spread(p[:, 1], box) * box.transform(stirring(box))

        def nonlinear(u_hat: Tensor) -> Tensor:
            v1, v2 = box.inverse(first * u_hat), box.inverse(second * u_hat)
            bent = shear * box.transform(v1 * v2)
            bent = torch.addcmul(bent, stretch, box.transform((v2 - v1) * (v2 + v1)))
            return bent + stirred

        return nonlinear

    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """As in Evolution: a Taylor-Green vortex that decays while the stirring's wave grows.

        Both are eigenfunctions of Δ with one eigenvalue, so the advection of each by the other
        cancels: w = e^(-νκt) cos(k₁ x - 0.4) cos(k₂ y - 1.1) + a (1 - e^(-νκt)) / (νκ) (stirring).
        """
        k1, k2 = (2 * math.pi / length for length in box.lengths)
        nu, amp = (spread(p[:, i], box)[:, None] for i in (0, 1))
        rate = nu * (k1 * k1 + k2 * k2)
        clock = times.double().view(-1, 1, 1, 1)
        x, y = box.points()
        vortex = (k1 * x - 0.4).cos() * (k2 * y - 1.1).cos()
        still = rate == 0
        grown = -torch.expm1(-rate * clock) / torch.where(still, 1.0, rate)
        grown = torch.where(still, clock, grown)
        return (-rate * clock).exp() * vortex + amp * grown * stirring(box)

    def manufactured(self, box: Box, p: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """As in Evolution: two travelling waves that advect each other."""
        waves = TravellingWaves(box)
        nu, amp = (spread(p[:, i], box)[:, None] for i in (0, 1))
        # the stream function is -Δ⁻¹ w, the velocity its turned gradient
        v1, v2 = -waves.slope(times, 1, -1), waves.slope(times, 0, -1)
        moved = waves.rate(times) + v1 * waves.slope(times, 0) + v2 * waves.slope(times, 1)
        spreading = waves.laplacian(times)[None, :, None]
        forcing = moved[None, :, None] - nu * spreading - amp * stirring(box)
        return waves.value(times)[None, :, None].expand_as(forcing), forcing

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """As in Evolution; without viscosity and stirring also `energy` and `enstrophy`."""
        return {"mean": u.flatten(1).mean(1)}


def stirring(box: Box) -> Tensor:
    """The pattern sin θ + cos θ with θ = 2π (x / L₁ + y / L₂), (*n)."""
    x, y = box.points()
    theta = 2 * math.pi * (x / box.lengths[0] + y / box.lengths[1])
    return theta.sin() + theta.cos()


def velocity(box: Box, w: Tensor) -> Tensor:
    """The velocity (b, 2, *n) of a vorticity (b, 1, *n): free of divergence, with zero mean."""
    w_hat = box.transform(w)
    return torch.cat([box.inverse(factor * w_hat) for factor in _curls(box)], 1)


def energy(box: Box, w: Tensor) -> Tensor:
    """∫ |v|² / 2, (b,)."""
    return math.prod(box.lengths) * (velocity(box, w) ** 2).sum(1).flatten(1).mean(1) / 2


def enstrophy(box: Box, w: Tensor) -> Tensor:
    """∫ w² / 2, (b,)."""
    return math.prod(box.lengths) * (w**2).flatten(1).mean(1) / 2


def _curls(box: Box) -> tuple[Tensor, Tensor]:
    """What turns the waves of w into those of v₁ and v₂, (*modes) each."""
    x, y, square = box.waves(0, odd=True), box.waves(1, odd=True), laplacian(box)
    inverse = torch.where(square == 0, 0.0, 1 / torch.where(square == 0, 1.0, square))
    return 1j * y * inverse, -1j * x * inverse
