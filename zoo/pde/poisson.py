from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde import diffusion
from zoo.pde.box import Box
from zoo.pde.equation import Equation, interval


class Poisson(Equation):
    """-div(K grad u) = f with a full constant diffusion tensor, periodic, zero mean.

    K = D R(θ)ᵀ diag(1, λ) R(θ). Values that do not blow up: any λ > 0.

    Units:
        dimensionless; lengths in units of the box.

    Args:
        eigenvalue: interval of the eigenvalue λ; the other is 1.
        diffusivity: D, a factor of the whole tensor.
    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), SYS-1(e1, e2).
    """

    name: ClassVar[str] = "poisson"
    coefficients: ClassVar[tuple[str, ...]] = ("k11", "k22", "k12")
    units: ClassVar[dict[str, str]] = dict.fromkeys(("f", "u", "k11", "k22", "k12"), "1")
    zero_mean: ClassVar[bool] = True

    def __init__(
        self, eigenvalue: tuple[float, float] = (1.0, 5.0), diffusivity: float = 0.01
    ) -> None:
        self.eigenvalue = interval(eigenvalue, "eigenvalue", 1e-6)
        self.diffusivity = diffusivity

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """As in Equation."""
        d, high = self.diffusivity, max(1.0, self.eigenvalue[1])
        low, spread = min(1.0, self.eigenvalue[0]), abs(high - 1) / 2
        spread = max(spread, (1 - low) / 2)
        return {
            "k11": (d * low, d * high),
            "k22": (d * low, d * high),
            "k12": (-d * spread, d * spread),
        }

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in Equation."""
        return self.diffusivity * diffusion.draw_tensor(count, self.eigenvalue, rng)

    def linear(self, box: Box, p: Tensor) -> Tensor:
        """As in Equation."""
        return diffusion.symbol(box, p)

    def exact(self, box: Box, p: Tensor) -> tuple[Tensor, Tensor]:
        """As in Equation: two plane waves."""
        u, hessian, _ = diffusion.exact_parts(box, p)
        return -hessian, u
