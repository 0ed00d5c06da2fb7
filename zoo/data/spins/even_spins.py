import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.data.cache import cached, spec_hash
from zoo.data.spins.spin_data import SPLITS
from zoo.data.spins.spins import Spins
from zoo.models.base import block
from zoo.spin.chains import Chains
from zoo.spin.energy import Energy
from zoo.spin.reference import reference

BINS = 20
"""Of energy, from the least that is found to the mean of disorder."""
RUNGS = 50
"""Temperatures from infinity down to a quarter of T0, even in β."""
CHAINS = 64
"""At each temperature."""


class EvenSpins(Spins):
    """Lattices of one temperature, whose energies are compared on others even in energy.

    In place of independent spins, validation and test hold lattices from order to disorder: drawn
    at temperatures from infinity down to T0 / 4, then picked so that each of 20 bins of energy is
    met as often. An error that is proportional to the energy shows there, and hardly among
    independent spins.

    Args:
        system: as in Spins, so are the others.
        shape: of the lattices.
        temperature: T0.
        count: lattices of training.
        drawing: how they are drawn.
        batch_size: as in SpinData.
        evaluation: lattices of validation and of test, each; as many even in energy.
        seed: of lattices and order.

    Source:
        Sprague et al., arXiv 2003.02647, whose test sets are binned evenly in energy.
    """

    def others(self, split: str) -> UInt8[Tensor, " b *n"]:
        """As in SpinData: even in energy."""
        system = self.system
        assert system is not None
        described = {
            "kind": "even spins",
            "version": 1,
            "system": block(system),
            "shape": list(self.shape),
            "temperature": self.temperature,
            "count": self.evaluation,
            "seed": [self.seed, SPLITS.index(split)],
        }
        rng = torch.Generator().manual_seed(int(spec_hash(described)[:15], 16))
        coldest, count = self.temperature / 4, self.evaluation
        return cached(described, lambda: {"s": even(system, self.shape, coldest, count, rng)})["s"]


def even(
    energy: Energy, shape: tuple[int, ...], coldest: float, count: int, rng: torch.Generator
) -> UInt8[Tensor, " b *n"]:
    """Lattices whose energies fill each bin from order to disorder as often.

    Args:
        energy: of which they are drawn.
        shape: of a lattice.
        coldest: the lowest temperature.
        count: lattices, at least as many are drawn at each temperature together.
        rng: where all random numbers come from.
    """
    temperatures = RUNGS * coldest / torch.arange(RUNGS + 1, dtype=torch.float64)
    chains = Chains(reference(energy, temperatures, shape), CHAINS, rng=rng)
    chains.thermalise()
    rounds = -(-4 * count // (RUNGS * CHAINS))
    drawn = torch.stack(list(chains.draws(rounds)), 1).flatten(1, 2)
    values = torch.stack([energy.of(s) for s in drawn]).double()
    s, top = drawn.flatten(0, 1), values[0].mean()
    edges = torch.linspace(float(values.min()), float(top), BINS + 1, dtype=torch.float64)
    place = torch.bucketize(values.flatten(), edges[1:-1])
    share = torch.bincount(place, minlength=BINS).double().reciprocal()[place]
    share[values.flatten() > top] = 0
    return s[share.multinomial(count, replacement=True, generator=rng)].clone()
