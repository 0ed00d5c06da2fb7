import torch
from jaxtyping import Float, Float64, Integer
from torch import Tensor

from zoo.spin.edwards_anderson import normal
from zoo.spin.energy import Energy
from zoo.spin.lattice import Lattice


class AllToAll(Energy):
    """E = -Σ_{x<y} J_xy σ_x σ_y with J_xy ~ N(0, deviation²) between all pairs, fixed by a seed.

    With deviation 1 the energy of N spins is of order N^1.5 (a freezing temperature near √N);
    with 1/√N it is Sherrington and Kirkpatrick's model.

    Units:
        J in the unit of energy.

    Args:
        shape: of the lattice that the spins are written on; the disorder belongs to it.
        seed: of the couplings.
        deviation: of the couplings.
    Source:
        Sherrington and Kirkpatrick, Phys. Rev. Lett. 35 (1975); Sprague et al., arXiv 2003.02647
        with 64 spins and deviation 1.
    """

    colours = 2

    def __init__(self, shape: tuple[int, ...], seed: int = 0, *, deviation: float = 1.0) -> None:
        lattice = Lattice(shape)
        self.shape = lattice.shape
        self.seed = seed
        self.deviation = deviation
        upper = normal(seed, (lattice.sites, lattice.sites)).triu(1)
        self.couplings = deviation * (upper + upper.T)

    @classmethod
    def tiny(cls) -> tuple["AllToAll", tuple[int, ...]]:
        """As in Energy."""
        return cls((10,), 3, deviation=0.5), (10,)

    def __call__(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in Energy."""
        self.on(tuple(s.shape[2:]))
        spins = (s[:, 1] - s[:, 0]).flatten(1)
        return -0.5 * torch.einsum("bx,xy,by->b", spins, self.couplings.to(s), spins)

    def chains(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Float64[Tensor, "r c"]:
        """As in Energy."""
        spins = 2.0 * s.double() - 1.0
        return -0.5 * (spins * (self.couplings.to(s.device) @ spins)).sum(1)

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in Energy."""
        spins = 2.0 * s.double() - 1.0
        field = torch.einsum("cn,nc->c", self.couplings.to(s.device)[site.long()], spins)
        return torch.stack([field, -field], 1)
