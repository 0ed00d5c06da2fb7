from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box


class Equation(ABC):
    """u_t = L(p) u + f on a periodic box, by its Fourier symbol; steady when u_t = 0.

    A subclass states the symbol of L, a closed-form solution, safe ranges and how coefficients are
    drawn. `solve` and `residual` follow from these, for any number of samples in one call.

    Shapes:
        fields (b, *n); coefficients p (b, P) in the order of `coefficients`; all float64.
    """

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ("f",)
    outputs: ClassVar[tuple[str, ...]] = ("u",)
    coefficients: ClassVar[tuple[str, ...]]
    units: ClassVar[dict[str, str]]
    zero_mean: ClassVar[bool]
    """Whether the constant mode is in the kernel of L, so that sources must have zero mean."""

    @property
    @abstractmethod
    def ranges(self) -> dict[str, tuple[float, float]]:
        """What each coefficient can be when drawn, as closed intervals."""

    @abstractmethod
    def linear(self, box: Box, p: Tensor) -> Tensor:
        """Fourier symbol of L, (b, *modes), complex or real."""

    @abstractmethod
    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Coefficients (count, P), float64."""

    @abstractmethod
    def exact(self, box: Box, p: Tensor) -> tuple[Tensor, Tensor]:
        """A source and its solution in closed form, without the symbol: two (b, *n) fields."""

    def accepts(self, u: Tensor, p: Tensor) -> Tensor:
        """Which solutions are kept, (b,) bool; the others are drawn again and counted."""
        return torch.ones(len(u), dtype=torch.bool)

    def fill(self, p: Tensor) -> dict[str, Tensor]:
        """Coefficients that this equation has implicitly, by name, (b,) each: for a mixture."""
        return {}

    def solve(self, box: Box, f: Tensor, p: Tensor) -> Tensor:
        """The steady solution of -L(p) u = f with zero mean where the constant is in the kernel.

        Raises:
            ValueError: the source has a mean that no solution can carry, or the shapes disagree.
        """
        self._check(box, f, p)
        symbol = self.linear(box, p)
        f_hat = box.transform(f)
        if self.zero_mean:
            mean = f.flatten(1).mean(1).abs().max()
            if mean > 1e-10 * f.abs().max():
                raise ValueError(
                    f"{self.name}: a source has mean {float(mean):.3g}; the constant mode has no "
                    "solution, so subtract the mean first"
                )
            f_hat = f_hat.clone()
            f_hat[(slice(None), *(0,) * box.dimension)] = 0
        zero = symbol == 0
        # the division never sees a zero, so gradients stay finite there too
        return box.inverse(-f_hat / torch.where(zero, torch.ones_like(symbol), symbol))

    def residual(self, box: Box, u: Tensor, f: Tensor, p: Tensor) -> Tensor:
        """L(p) u + f, (b, *n): zero for a solution."""
        self._check(box, f, p)
        return box.inverse(self.linear(box, p) * box.transform(u)) + f

    def _check(self, box: Box, f: Tensor, p: Tensor) -> None:
        check_fields(f, p, box.shape, self.coefficients, name=self.name, what="source")


def check_fields(
    u: Tensor,
    p: Tensor,
    shape: tuple[int, ...],
    coefficients: tuple[str, ...],
    *,
    name: str,
    what: str,
) -> None:
    """Refuse fields or coefficients of another shape, or that are not float64.

    Args:
        u: fields, (b, *shape).
        p: (b, P).
        shape: of one field.
        coefficients: names of the columns of p.
        name: the equation's.
        what: u is to the equation.

    Raises:
        ValueError: with what was given and what is needed.
    """
    if u.shape[1:] != shape or p.shape != (len(u), len(coefficients)):
        raise ValueError(
            f"{name}: {what} {tuple(u.shape)} and coefficients {tuple(p.shape)}; needs "
            f"(b, {', '.join(map(str, shape))}) and (b, {len(coefficients)}) {coefficients}"
        )
    if u.dtype != torch.float64 or p.dtype != torch.float64:
        raise ValueError(
            f"{name}: got {u.dtype} and {p.dtype}; the solver works in float64, since "
            "float32 coefficients alone cost eight digits"
        )


def column(p: Tensor, index: int, box: Box) -> Tensor:
    """One coefficient as (b, 1, ...), to broadcast over a box's modes."""
    return p[:, index].view(-1, *(1,) * box.dimension)


def interval(value: tuple[float, float], name: str, low: float = -float("inf")) -> tuple:
    """An interval as a tuple of two numbers in order, not below `low`."""
    pair = tuple(value)
    if len(pair) != 2 or not low <= pair[0] <= pair[1]:
        raise ValueError(f"{name}={list(pair)} must be two numbers in order, at least {low}")
    return pair
