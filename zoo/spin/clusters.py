from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from zoo.spin.bonds import Bonds
from zoo.spin.dynamics import Dynamics
from zoo.spin.pairs import PairEnergy
from zoo.spin.words import bernoulli, pack, thresholds, unpack


class Clusters(Dynamics):
    """Clusters of spins reflected as one, for energies without a field, 64 chains in a word.

    A reflection R of the colours, R² = 1, that κ does not see is drawn for all chains: q -> m - q
    mod Q. A bond is active with probability 1 - exp(-β max(0, E(R s_x, s_y) - E(s_x, s_y))), and
    spins joined by active bonds are reflected together or not at all. With two colours R flips.

    Args:
        energy: without a field, with one coupling for each offset.
        temperatures: as in Dynamics.
        shape: as in Dynamics.

    Raises:
        ValueError: as in Dynamics, or the energy has a field or disorder: then a cluster's
            reflection costs energy that no bond knows of.
    Accuracy:
        probabilities to 2^-25.
    Source:
        Swendsen and Wang, Phys. Rev. Lett. 58 (1987); Wolff, Phys. Rev. Lett. 62 (1989).
    """

    block = 2**19

    def __init__(
        self, energy: PairEnergy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
    ) -> None:
        super().__init__(energy, temperatures, shape)
        self.bonds = energy.bonds(self.lattice)
        disordered = any(isinstance(bond.coupling, Tensor) for bond in self.bonds)
        if disordered or bool((energy.levels != energy.levels[0]).any()):
            raise ValueError(
                f"{type(energy).__name__} has a field or disorder, and clusters need neither; use "
                "HeatBath, for a glass under Tempering"
            )
        self.reflections = reflections(energy)
        # events of all reflections and bonds, by what breaking a bond costs
        self._costs = [self._cost(energy, r) for r in self.reflections]
        self._digits = [self._thresholds(costs) for costs in self._costs]

    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics; a sweep is one update of clusters."""
        for group in self.groups(s.shape[1] * s.shape[2]):
            part = s[group]
            colours = range(self.energy.colours)
            # (q, n, r w): what belongs to a site lies together, so that neighbours are rows
            packed = [pack((part == colour).to(torch.uint8)).movedim(0, 1) for colour in colours]
            planes = torch.stack([plane.flatten(1) for plane in packed])
            self._advance(planes, group, rng, sweeps)
            part.zero_()
            for colour in colours[1:]:
                words = planes[colour].view(packed[0].shape).movedim(1, 0)
                part.add_(unpack(words, s.shape[2]), alpha=colour)

    def _advance(self, planes: Tensor, group: slice, rng: torch.Generator, sweeps: int) -> None:
        for _ in range(sweeps):
            chosen = int(torch.randint(len(self.reflections), (), generator=rng, device=rng.device))
            turned = self.marked(self._active(planes, chosen, group, rng), rng)
            reflected = planes[self.reflections[chosen].to(planes.device)]
            planes.bitwise_xor_((planes ^ reflected).bitwise_and_(turned))

    @abstractmethod
    def marked(self, bonds: Bonds, rng: torch.Generator) -> Tensor:
        """Which spins are reflected, as words (n, v): whole clusters, whatever the colours."""

    def _active(self, planes: Tensor, chosen: int, group: slice, rng: torch.Generator) -> Bonds:
        """The active bonds of each offset."""
        found, forth, back = [], [], []
        _, n, v = planes.shape
        for (offset, _), costs, digits in zip(
            self.bonds, self._costs[chosen], self._digits[chosen], strict=True
        ):
            ahead = self.lattice.neighbours(offset).to(planes.device)
            behind = self.lattice.neighbours(tuple(-step for step in offset)).to(planes.device)
            other = planes.index_select(1, ahead)
            own = digits[:, :, group].to(planes.device)
            events = bernoulli(own.repeat_interleave(v // own.shape[2], 2), n, rng)
            active = torch.zeros_like(planes[0])
            for event, cost in zip(events, costs.unique()[1:], strict=True):
                pairs = (costs == cost).nonzero().tolist()
                active |= event & _any([planes[a] & other[b] for a, b in pairs])
            found.append(active)
            forth.append(ahead)
            back.append(behind)
        return Bonds(found, forth, back)

    def _cost(self, energy: PairEnergy, turn: Tensor) -> list[Tensor]:
        """By offset, what reflecting one end of a bond between two colours costs, or 0."""
        change = (energy.kernel - energy.kernel[turn]).mul(2**20).round().div(2**20)
        return [(float(coupling) * change).clamp(min=0) for _, coupling in self.bonds]

    def _thresholds(self, costs: list[Tensor]) -> list[Tensor]:
        return [thresholds(-torch.expm1(-c.unique()[1:, None] * self.betas)) for c in costs]


def reflections(energy: PairEnergy) -> list[Tensor]:
    """The maps q -> m - q mod Q, other than the identity, that leave κ as it is.

    Raises:
        ValueError: there is none.
    """
    colours = torch.arange(energy.colours)
    turns = [(m - colours) % energy.colours for m in range(energy.colours)]
    kept = [
        turn
        for turn in turns
        if not torch.equal(turn, colours)
        and torch.allclose(energy.kernel[turn][:, turn], energy.kernel)
    ]
    if not kept:
        raise ValueError(f"{type(energy).__name__}: no reflection of the colours keeps the energy")
    return kept


def _any(words: list[Tensor]) -> Tensor:
    found = words[0]
    for word in words[1:]:
        found |= word
    return found
