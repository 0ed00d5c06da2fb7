from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde import diffusion
from zoo.pde.box import Box
from zoo.pde.equation import Equation, column, interval


class Helmholtz(Equation):
    """-(D Δu + ω u) = f, periodic, indefinite, with an integer ω.

    Near D |k|² = ω a wave resonates; solutions beyond `limit` are refused and drawn again, so ω = 2
    is nearly absent and ω = 4 is halved among the accepted ones. In a mixture the set states its
    diffusion tensor D·identity; its coefficient k11 is D.

    Units:
        dimensionless; lengths in units of the box.

    Args:
        omega: interval of the integer ω, both ends included.
        diffusivity: D.
        limit: largest |u| that is kept.
    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), SYS-3(o1, o2), with the sign that the
        authors' code solves (the text prints -Δu + ωu = f, which never resonates).
    """

    name: ClassVar[str] = "helmholtz"
    coefficients: ClassVar[tuple[str, ...]] = ("k11", "omega")
    units: ClassVar[dict[str, str]] = dict.fromkeys(("f", "u", "k11", "omega"), "1")
    zero_mean: ClassVar[bool] = False

    def __init__(
        self, omega: tuple[int, int] = (1, 10), diffusivity: float = 0.01, limit: float = 2.0
    ) -> None:
        self.omega = interval(omega, "omega", 1)
        self.diffusivity = diffusivity
        self.limit = limit

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """As in Equation."""
        return {"k11": (self.diffusivity, self.diffusivity), "omega": self.omega}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in Equation."""
        low, high = self.omega
        omega = torch.randint(low, high + 1, (count,), generator=rng).double()
        return torch.stack([torch.full_like(omega, self.diffusivity), omega], 1)

    def accepts(self, u: Tensor, p: Tensor) -> Tensor:
        """As in Equation: no value beyond the limit."""
        return u.abs().flatten(1).amax(1) <= self.limit

    def fill(self, p: Tensor) -> dict[str, Tensor]:
        """As in Equation: the rest of the isotropic tensor."""
        return {"k22": p[:, 0], "k12": torch.zeros_like(p[:, 0])}

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Equation."""
        return diffusion.symbol(box, self._tensor(p)) + column(p, 1, box)

    def exact(self, box: Box, p: Tensor) -> tuple[Tensor, Tensor]:
        """As in Equation: two plane waves and a constant."""
        u, hessian, _ = diffusion.exact_parts(box, self._tensor(p))
        return -hessian - column(p, 1, box) * (u + 1), u + 1

    def _tensor(self, p: Tensor) -> Tensor:
        return torch.stack([p[:, 0], p[:, 0], torch.zeros_like(p[:, 0])], 1)
