from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.thermodynamics import inverse


class Dynamics(ABC):
    """A Markov chain that leaves exp(-E/T) as it is, for many lattices at many temperatures.

    Shapes:
        lattices (r, n, c) uint8: temperature, site, chain.

    Args:
        energy: E.
        temperatures: of the r groups of lattices; infinity is allowed.
        shape: of a lattice.

    Raises:
        ValueError: a temperature is not above 0, or the energy is not defined on the shape.
    """

    block = 2**16
    """How many spins are updated in one call of a kernel: what stays in a core's cache."""

    def __init__(
        self, energy: Energy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        self.energy = energy
        self.betas: Tensor = inverse(temperatures)
        self.temperatures = torch.as_tensor(temperatures, dtype=torch.float64).flatten()
        self.lattice = energy.on(tuple(shape))

    @abstractmethod
    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """Advance all lattices in place.

        Args:
            s: contiguous, on the generator's device.
            rng: where the random numbers come from.
            sweeps: how often every spin has been asked.
        """

    def groups(self, spins: int) -> Iterator[slice]:
        """Temperatures in blocks, when one of them has so many spins to update."""
        step = max(1, self.block // max(1, spins))
        for start in range(0, len(self.betas), step):
            yield slice(start, min(start + step, len(self.betas)))
