import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int64
from torch import Tensor

Offset = tuple[int, ...]


@dataclass(frozen=True)
class Lattice:
    """Sites of a periodic box, numbered with the last axis fastest.

    A symmetry is a permutation π of the sites; the lattice s seen through it is s[π].

    Args:
        shape: sites along each axis, one to three axes.

    Raises:
        ValueError: no axis, more than three, or a side below 2.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Make JSON's list a tuple, and refuse what is no lattice."""
        object.__setattr__(self, "shape", tuple(self.shape))
        if not 1 <= len(self.shape) <= 3 or min(self.shape) < 2:
            raise ValueError(
                f"shape={self.shape} is no lattice: give one to three sides, each at least 2, "
                "since a site of a shorter side would be its own neighbour"
            )

    @property
    def dimension(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def sites(self) -> int:
        """Number of sites."""
        return torch.Size(self.shape).numel()

    @cached_property
    def numbers(self) -> Int64[Tensor, "*n"]:
        """The number of each site, in the lattice's shape."""
        return torch.arange(self.sites).view(self.shape)

    def neighbours(self, offset: Offset) -> Int64[Tensor, " n"]:
        """The number of the site at x + offset, for every site x."""
        if len(offset) != self.dimension:
            raise ValueError(f"offset={offset} has not the {self.dimension} axes of {self.shape}")
        back = [-step for step in offset]
        return self.numbers.roll(back, tuple(range(self.dimension))).flatten()

    def sublattices(self, offsets: Sequence[Offset]) -> list[Int64[Tensor, " m"]]:
        """Sites in groups without a bond inside, so that a group can be updated at once.

        Each site takes the first group that none of its neighbours is in: a checkerboard where
        the sides are even and the bonds are nearest, three or more groups elsewhere.
        """
        both = [sign for d in offsets for sign in (d, tuple(-step for step in d))]
        table = torch.stack([self.neighbours(d) for d in both], 1).tolist()
        groups = [-1] * self.sites
        for site, around in enumerate(table):
            taken = {groups[other] for other in around if other != site}
            groups[site] = next(g for g in itertools.count() if g not in taken)
        numbered = torch.tensor(groups)
        return [(numbered == g).nonzero().flatten() for g in range(int(numbered.max()) + 1)]

    def translation(self, shift: Offset) -> Int64[Tensor, " n"]:
        """The symmetry x -> x + shift."""
        return self.neighbours(shift)

    @cached_property
    def point_group(self) -> Int64[Tensor, "g n"]:
        """Symmetries that keep the origin: axes of equal length exchanged, axes reversed.

        The first is the identity; there are 8 on a square, 4 on a rectangle, 48 on a cube.
        """
        found = []
        for axes in itertools.permutations(range(self.dimension)):
            if tuple(self.shape[axis] for axis in axes) != self.shape:
                continue
            for flips in itertools.product((False, True), repeat=self.dimension):
                turned = self.numbers.permute(axes)
                for axis in (axis for axis, flip in enumerate(flips) if flip):
                    turned = turned.flip(axis).roll(1, axis)  # x -> -x keeps the origin
                found.append(turned.flatten())
        return torch.stack(found)

    def symmetry(self, rng: torch.Generator) -> Int64[Tensor, " n"]:
        """A symmetry drawn uniformly: a translation after an element of the point group."""
        shift = tuple(int(torch.randint(side, (), generator=rng)) for side in self.shape)
        chosen = int(torch.randint(len(self.point_group), (), generator=rng))
        return self.translation(shift)[self.point_group[chosen]]
