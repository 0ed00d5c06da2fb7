import math
from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from zoo.spin.pairs import PairEnergy
from zoo.spin.thermodynamics import Thermodynamics, from_partition, inverse


class TransferMatrix:
    """Exact averages on a periodic box of many rows of few sites: Z = tr Π_r T_r.

    T_r(a, b) is the Boltzmann factor of row r in state a and of its bonds to row r + 1 in
    state b. Rows are along the first axis; what a row holds (a line, or a plane in 3-D) has Q^m
    states. It solves glasses too: 8 by 8 is a product of eight matrices of 256 by 256.

    Args:
        energy: whose bonds reach no further than the next row.
        shape: of the lattice, rows first.
        limit: how many states a row may have.

    Raises:
        ValueError: a row has more states, or a bond skips a row.
    """

    def __init__(self, energy: PairEnergy, shape: tuple[int, ...], *, limit: int = 1024) -> None:
        self.energy = energy
        self.lattice = energy.on(tuple(shape))
        self.rows, self.width = shape[0], self.lattice.sites // shape[0]
        states = energy.colours**self.width
        if states > limit:
            raise ValueError(
                f"a row of {tuple(shape[1:])} sites of {energy.colours} colours has {states} "
                f"states, above limit={limit}; put the long axis first, or sample"
            )
        if any(abs(bond.offset[0]) > 1 for bond in energy.bonds(self.lattice)):
            raise ValueError(f"a bond of {type(energy).__name__} on {shape} skips a row")

    @cached_property
    def states(self) -> Tensor:
        """The colours of a row's states, (states, width), the first site the highest digit."""
        powers = self.energy.colours ** torch.arange(self.width - 1, -1, -1)
        numbers = torch.arange(self.energy.colours**self.width)
        return numbers[:, None] // powers % self.energy.colours

    @cached_property
    def energies(self) -> list[Tensor]:
        """E_r(a, b) of each row and its bonds to the next; one matrix if all rows are equal."""
        bonds = self.energy.bonds(self.lattice)
        alike = not any(isinstance(bond.coupling, Tensor) for bond in bonds)
        return [self._row(row) for row in range(1 if alike else self.rows)]

    def _row(self, row: int) -> Tensor:
        own = -self.energy.levels[self.states].sum(1)
        between = torch.zeros(len(self.states), len(self.states), dtype=torch.float64)
        one_hot = torch.nn.functional.one_hot(self.states, self.energy.colours).double()
        numbers = torch.arange(self.width).view(self.lattice.shape[1:])
        for offset, coupling in self.energy.bonds(self.lattice):
            back = [-step for step in offset[1:]]
            shifted = numbers.roll(back, tuple(range(len(back)))) if back else numbers
            whole = torch.as_tensor(coupling, dtype=torch.float64).expand(self.lattice.sites)
            factor = whole.view(self.rows, self.width)[row]
            left = factor[:, None] * (one_hot @ self.energy.kernel)
            right = one_hot[:, shifted.flatten()]
            if offset[0] == 0:
                own = own - (left * right).sum((1, 2))
            elif offset[0] == 1:
                between = between - left.flatten(1) @ right.flatten(1).T
            else:
                raise ValueError(f"offset={offset} points to the row before; name it from there")
        return own[:, None] + between

    def log_partition(self, betas: Float64[Tensor, " r"]) -> Float64[Tensor, " r"]:
        """Ln Z of the whole lattice."""
        found = []
        for beta in betas:
            matrix, scale = self._product([self._factor(beta, e) for e in self.energies])
            found.append(matrix.diagonal().sum().log() + scale)
        return torch.stack(found)

    def thermodynamics(self, temperatures: Sequence[float] | Tensor) -> Thermodynamics:
        """F, U, S and C per site."""
        return from_partition(self.log_partition, temperatures, self.lattice.sites)

    def counts(self, temperature: float) -> Float64[Tensor, " k"]:
        """The probability that k of N sites have colour 1, k = 0 ... N; two colours.

        It is the Fourier transform of Z in an imaginary field.
        """
        if self.energy.colours != 2:
            raise ValueError(f"colours={self.energy.colours}: counts are of two colours")
        beta, sites = inverse([temperature])[0], self.lattice.sites
        plain = [self._factor(beta, e) for e in self.energies]
        up, waves = self.states.sum(1).double(), []
        for k in range((sites + 1) // 2 + 1):
            phase = torch.polar(torch.ones_like(up), 2 * math.pi * k / (sites + 1) * up)
            matrix, scale = self._product([(m * phase, shift) for m, shift in plain])
            waves.append((matrix.diagonal().sum(), scale))
        first = waves[0][1]
        hat = torch.stack([trace * (scale - first).exp() for trace, scale in waves])
        found = torch.fft.irfft(hat[: (sites + 1) // 2 + 1].conj(), n=sites + 1)
        return found / found.sum()

    def magnetisation(self, temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
        """|M| per site of two colours."""
        sites = self.lattice.sites
        order = (2.0 * torch.arange(sites + 1).double() / sites - 1).abs()
        values = torch.as_tensor(temperatures, dtype=torch.float64).flatten().tolist()
        return torch.stack([self.counts(t) @ order for t in values])

    def _factor(self, beta: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
        """A matrix of Boltzmann factors of largest entry 1, and the logarithm left out."""
        low = energy.min()
        return (-beta * (energy - low)).exp(), -beta * low

    def _product(self, factors: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """All rows' matrices multiplied, with the logarithm of what was taken out."""
        if len(factors) == 1 and self.rows > 1:
            return _power(*factors[0], self.rows)
        whole = factors[0]
        for factor in factors[1:]:
            whole = _times(whole, factor)
        return whole


def _times(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    matrix = a[0] @ b[0]
    top = matrix.detach().abs().max()
    return matrix / top, a[1] + b[1] + top.log()


def _power(matrix: Tensor, scale: Tensor, exponent: int) -> tuple[Tensor, Tensor]:
    """By repeated squaring."""
    if exponent == 1:
        return matrix, scale
    half = _power(matrix, scale, exponent // 2)
    whole = _times(half, half)
    return _times(whole, (matrix, scale)) if exponent % 2 else whole
