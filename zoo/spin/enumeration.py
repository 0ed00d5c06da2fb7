from collections.abc import Sequence

import torch
from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.order import clock
from zoo.spin.thermodynamics import Thermodynamics, from_partition, inverse


class Enumeration:
    """Every state of a small lattice, and exact averages over all of them.

    State k has the digits of k in base Q as colours, the first site being the highest digit.

    Args:
        energy: whose states.
        shape: of the lattice.
        limit: how many states are tolerated: 2^20 take some seconds and 16 MB.

    Raises:
        ValueError: there are more states than the limit.
    """

    chunk = 2**14

    def __init__(self, energy: Energy, shape: tuple[int, ...], *, limit: int = 2**20) -> None:
        self.energy = energy
        self.lattice = energy.on(tuple(shape))
        self.count = energy.colours**self.lattice.sites
        if self.count > limit:
            raise ValueError(
                f"{energy.colours} colours on {tuple(shape)} have {self.count} states, above "
                f"limit={limit}; enumerate a smaller lattice, or use a transfer matrix"
            )
        starts = range(0, self.count, self.chunk)
        parts = [self.states(start, min(start + self.chunk, self.count)) for start in starts]
        self.energies: Tensor = torch.cat([energy.of(s) for s in parts])
        self.orders: Tensor = torch.cat([clock(s, energy.colours) for s in parts])

    def states(self, start: int, stop: int) -> Integer[Tensor, " b *n"]:
        """The colours of states start ... stop - 1."""
        numbers = torch.arange(start, stop)
        powers = self.energy.colours ** torch.arange(self.lattice.sites - 1, -1, -1)
        digits = numbers[:, None] // powers % self.energy.colours
        return digits.to(torch.uint8).view(-1, *self.lattice.shape)

    def number(self, s: Integer[Tensor, " b *n"]) -> Int64[Tensor, " b"]:
        """Which states these are."""
        powers = self.energy.colours ** torch.arange(self.lattice.sites - 1, -1, -1)
        return s.flatten(1).long() @ powers

    def log_partition(self, betas: Float64[Tensor, " r"]) -> Float64[Tensor, " r"]:
        """Ln Z of the whole lattice."""
        return torch.stack([(-beta * self.energies).logsumexp(0) for beta in betas])

    def thermodynamics(self, temperatures: Sequence[float] | Tensor) -> Thermodynamics:
        """F, U, S and C per site."""
        return from_partition(self.log_partition, temperatures, self.lattice.sites)

    def log_probabilities(self, temperature: float) -> Float64[Tensor, " k"]:
        """Ln p of every state, by its number."""
        return (-inverse([temperature]) * self.energies).log_softmax(0)

    def mean(
        self, values: Float64[Tensor, " k"], temperatures: Sequence[float] | Tensor
    ) -> Float64[Tensor, " r"]:
        """The average of a number that each state has."""
        weights = [(-beta * self.energies).softmax(0) for beta in inverse(temperatures)]
        return torch.stack([weight @ values for weight in weights])

    def magnetisation(self, temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
        """|M| per site as in `order.clock`."""
        return self.mean(self.orders, temperatures)
