import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.dynamics import Dynamics


class Alternate(Dynamics):
    """Several dynamics of one energy in turn, a sweep of each: what one is slow at, another is not.

    A heat bath and Wolff's clusters decorrelate at every temperature: single clusters are small
    where it is hot, and a heat bath is slow where clusters are large.

    Args:
        parts: dynamics of the same energy, temperatures and shape.

    Raises:
        ValueError: there is none, or they differ.
    """

    def __init__(self, *parts: Dynamics) -> None:
        if not parts:
            raise ValueError("parts=() moves nothing; give at least one dynamics")
        first = parts[0]
        for part in parts[1:]:
            same = part.energy is first.energy and part.lattice == first.lattice
            if not (same and torch.equal(part.temperatures, first.temperatures)):
                raise ValueError(
                    f"{type(part).__name__} and {type(first).__name__} are of different "
                    "energies, temperatures or shapes: build them of the same"
                )
        super().__init__(first.energy, first.temperatures, first.lattice.shape)
        self.parts = parts

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics; a sweep is one of each."""
        for _ in range(sweeps):
            for part in self.parts:
                part.sweep(s, rng)
