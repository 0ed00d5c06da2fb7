from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Float64, Integer
from torch import Tensor

from zoo.spin.lattice import Lattice


class Energy(ABC):
    """E(s) of lattices of spins, each one of `colours` states 0, 1, ...; k_B = 1.

    A call takes one-hot colours and is differentiable in them; `of` takes the colours' numbers.
    Both are of the whole lattice.
    """

    colours: int
    """How many states a spin has."""
    shape: tuple[int, ...] | None = None
    """The only lattice that this energy is defined on; None where it is defined on any."""

    @classmethod
    @abstractmethod
    def tiny(cls) -> tuple["Energy", tuple[int, ...]]:
        """An instance and a lattice of few states, which every test of energies enumerates."""

    @abstractmethod
    def __call__(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """Energy of lattices of one-hot colours, in the type of s."""

    @abstractmethod
    def chains(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Float64[Tensor, "r c"]:
        """Energy of c lattices at each of r temperatures, as samplers lay them out."""

    @abstractmethod
    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """Energy as a function of one spin's colour alone, up to a constant.

        Args:
            s: c lattices.
            site: the number of the spin, one for each lattice.
            lattice: their geometry.
        """

    def of(self, s: Integer[Tensor, " b *n"]) -> Float64[Tensor, " b"]:
        """Energy of lattices of colours 0 ... Q - 1.

        Raises:
            ValueError: a colour is outside, or the lattice is not this energy's.
        """
        lattice = self.on(tuple(s.shape[1:]))
        self.check(s)
        return self.chains(s.flatten(1).T[None], lattice)[0]

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """The lattice of a shape, if this energy is defined there.

        Raises:
            ValueError: it is defined on another one.
        """
        if self.shape is not None and tuple(shape) != self.shape:
            raise ValueError(
                f"{type(self).__name__} holds the disorder of shape={self.shape} and was asked "
                f"for {tuple(shape)}: another size is another glass, so build one of that shape"
            )
        return Lattice(tuple(shape))

    def check(self, s: Tensor) -> None:
        """Refuse colours outside 0 ... Q - 1.

        Raises:
            ValueError: with the colour found.
        """
        if not len(s):
            return
        low, high = int(s.min()), int(s.max())
        if low < 0 or high >= self.colours:
            raise ValueError(
                f"colour {low if low < 0 else high} is outside 0 ... {self.colours - 1} of "
                f"{type(self).__name__} with {self.colours} colours; spins -1, +1 are colours 0, 1"
            )

    def one_hot(self, s: Integer[Tensor, " b *n"]) -> Float[Tensor, "b q *n"]:
        """Colours as a call takes them, in float32."""
        self.check(s)
        return torch.nn.functional.one_hot(s.long(), self.colours).movedim(-1, 1).float()
