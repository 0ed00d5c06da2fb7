import math

import torch
from torch import Tensor

from zoo.pde.box import Box


class GaussianBumps:
    """A square lattice of Gaussians in the middle of the unit box, some of them switched off.

    Each amplitude is uniform in [0.001, 1], or zero with the probability that the sample's sparsity
    states; the field is divided by its maximum, then its mean is subtracted where the equation
    needs that. Sample i has sparsity number i modulo their count, so no set lies in blocks.

    Units:
        lengths in units of the box; amplitudes dimensionless.

    Args:
        count: Gaussians per side.
        width: standard deviation σ.
        spacing: distance of neighbours.
        sparsity: probabilities that a Gaussian is off, taken in turn.
    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258): 12 per side, σ = 1/32, spacing 1/16.
        For 32 x 32 grids 8 per side, σ = 1/16, spacing 1/12 keep the spectrum inside the grid.
    """

    def __init__(
        self,
        count: int = 12,
        width: float = 1 / 32,
        spacing: float = 1 / 16,
        sparsity: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8),
    ) -> None:
        if count < 1 or width <= 0 or not sparsity or not all(0 <= s < 1 for s in sparsity):
            raise ValueError(
                f"count={count}, width={width}, sparsity={list(sparsity)}: at least one Gaussian, "
                "a positive width, and probabilities in [0, 1)"
            )
        self.count = count
        self.width = width
        self.spacing = spacing
        self.sparsity = tuple(sparsity)

    def refinement(self, box: Box, tolerance: float = 1e-8) -> int:
        """By which power of two the box must be refined to hold the sources' spectrum.

        The spectrum falls as exp(-σ²κ²/2); beyond the Nyquist wave κ it must be below `tolerance`.
        """
        factor = 1
        while True:
            nyquist = math.pi * factor / max(box.spacing)
            if math.exp(-((self.width * nyquist) ** 2) / 2) <= tolerance:
                return factor
            factor *= 2

    def draw(self, count: int, box: Box, rng: torch.Generator, zero_mean: bool = True) -> Tensor:
        """Sources (count, *n), float64."""
        lattice = (self.count,) * box.dimension
        draws = torch.rand((count, 2, *lattice), generator=rng, dtype=torch.float64)
        turn = torch.arange(count) % len(self.sparsity)
        off = torch.tensor(self.sparsity, dtype=torch.float64)[turn]
        keep = draws[:, 0] >= off.view(-1, *(1,) * box.dimension)
        # a lattice that is wholly off would have no maximum: its middle Gaussian stays on
        empty = ~keep.flatten(1).any(1)
        keep[(empty, *(self.count // 2,) * box.dimension)] = True
        f = torch.where(keep, 1e-3 + (1 - 1e-3) * draws[:, 1], 0.0)
        for axis in range(box.dimension):
            f = torch.einsum("bi...,ix->b...x", f, self._profile(box, axis))
        f = f / f.flatten(1).amax(1).view(-1, *(1,) * box.dimension)
        if zero_mean:
            f = f - f.mean(box.axes, keepdim=True)
        return f

    def _profile(self, box: Box, axis: int) -> Tensor:
        length, n = box.lengths[axis], box.shape[axis]
        x = torch.arange(n, dtype=torch.float64) * (length / n)
        first = length / 2 - self.spacing * (self.count - 1) / 2
        centres = first + self.spacing * torch.arange(self.count, dtype=torch.float64)
        distance = x - centres[:, None]
        # three images make the Gaussian periodic to round-off at these widths
        images = [distance + shift * length for shift in (-1, 0, 1)]
        return sum((torch.exp(-(d**2) / (2 * self.width**2)) for d in images), torch.zeros(()))
