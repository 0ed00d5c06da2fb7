from collections.abc import Callable

import torch
from jaxtyping import Float, Float64, Integer
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.ising import Ising
from zoo.spin.lattice import Lattice


class CalledEnergy(Energy):
    """An energy that can only be called, on one-hot colours: a network's, for samplers.

    Args:
        call: (b, q, *n) one-hot float32 to (b,) energies.
        colours: Q.
        shape: the only lattice that it takes; None for any.
        chunk: lattices in one call.
    """

    def __init__(
        self,
        call: Callable[[Tensor], Tensor],
        colours: int = 2,
        shape: tuple[int, ...] | None = None,
        *,
        chunk: int = 4096,
    ) -> None:
        self.call, self.colours, self.chunk = call, colours, chunk
        self.shape = None if shape is None else Lattice(tuple(shape)).shape

    @classmethod
    def tiny(cls) -> tuple["CalledEnergy", tuple[int, ...]]:
        """As in Energy."""
        return cls(Ising(0.6, 0.3)), (2, 3)

    def __call__(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in Energy."""
        self.on(tuple(s.shape[2:]))
        return self.call(s)

    @torch.no_grad()
    def chains(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Float64[Tensor, "r c"]:
        """As in Energy."""
        r, _, c = s.shape
        rows = s.movedim(2, 1).reshape(r * c, *lattice.shape)
        parts = [self.call(self.one_hot(part)).double() for part in rows.split(self.chunk)]
        return torch.cat(parts).view(r, c)

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in Energy, by one call for each colour."""
        found = []
        for colour in range(self.colours):
            changed = s.scatter(0, site.long()[None], colour)
            found.append(self.chains(changed[None], lattice)[0])
        return torch.stack(found, 1)
