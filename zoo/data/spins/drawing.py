from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.chains import Chains
from zoo.spin.energy import Energy
from zoo.spin.random_flips import RandomFlips
from zoo.spin.reference import reference


@dataclass(frozen=True)
class Drawing:
    """How lattices are drawn: by many chains that have forgotten their start.

    Args:
        chains: how many, half of them started ordered and half at random.
        every: sweeps from one lattice of a chain to the next; two measured autocorrelation times if
            left out.
        thinned: else a chain of single flips is kept after every proposal, and its lattices are
            almost copies of each other.

    Raises:
        ValueError: too few chains to compare, or a distance that is not one.

    Source:
        Sprague et al., arXiv 2003.02647, who compare both ways.
    """

    chains: int = 256
    every: int | None = None
    thinned: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn by."""
        if self.chains < 4 or (self.every is not None and (self.every < 1 or not self.thinned)):
            raise ValueError(
                f"{self}: at least 4 chains; `every` is at least 1 sweep, and left out where "
                "thinned=False keeps a chain after each flip"
            )

    def draw(
        self, energy: Energy, shape: tuple[int, ...], temperature: float, count: int, seed: int
    ) -> UInt8[Tensor, " b *n"]:
        """Lattices of one temperature.

        Raises:
            ValueError: the chains have not decorrelated, with their measured time.
        """
        rng = torch.Generator().manual_seed(seed)
        chains = Chains(reference(energy, [temperature], shape), self.chains, rng=rng)
        chains.thermalise()
        flips, found = RandomFlips(energy, [temperature], shape), []
        for _ in range(-(-count // self.chains)):
            if self.thinned:
                chains.advance(chains.spacing if self.every is None else self.every)
            else:
                flips.flip(chains.s, rng)
            found.append(chains.lattices()[0])
        return torch.cat(found)[:count].clone()
