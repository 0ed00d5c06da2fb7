import itertools
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64, Int32, Integer
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.lattice import Lattice


class Cover(NamedTuple):
    """Which tiles a site lies in, and as which digit of their numbers.

    Shapes:
        sites (tiles, k): the sites of each tile. tiles and powers (t, n): the tiles of each site,
        and what a step of its colour adds to their numbers; 0 where a site lies in fewer tiles.
    """

    sites: Tensor
    tiles: Tensor
    powers: Tensor


class TileEnergy(Energy):
    """E(s) = Σ_tiles ε(tile): overlapping windows of focus + 2 context sites, from a table.

    Windows lie `focus` apart and wrap around. A tile's number has its colours as digits in base
    Q, the last axis fastest, the first site the highest digit. A call is not differentiable.

    Args:
        table: ε by the tile's number; Q^k numbers, k sites in a tile.
        colours: Q.
        dimension: of space, 1 to 3.
        focus: distance of the tiles along each axis.
        context: sites on each side beyond the focus.

    Raises:
        ValueError: the table has another length.
    Source:
        Mills et al., Chem. Sci. 10 (2019), arXiv 1708.06686, for the tiles.
    """

    def __init__(
        self,
        table: Float[Tensor, " k"],
        colours: int = 2,
        *,
        dimension: int = 2,
        focus: int = 2,
        context: int = 1,
    ) -> None:
        self.colours, self.dimension = colours, dimension
        self.focus, self.context = focus, context
        self.side = focus + 2 * context
        count = colours ** (self.side**dimension)
        if len(table) != count:
            raise ValueError(
                f"table has {len(table)} numbers; tiles of {self.side} sites a side in "
                f"{dimension}-D with {colours} colours have {count} states"
            )
        self.table = table.float()

    @classmethod
    def tiny(cls) -> tuple["TileEnergy", tuple[int, ...]]:
        """As in Energy."""
        return cls(torch.arange(27.0).sin(), 3, dimension=1, focus=1), (7,)

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """As in Energy.

        Raises:
            ValueError: the focus does not divide a side, or a tile is larger than the lattice.
        """
        lattice = Lattice(tuple(shape))
        uneven = any(side % self.focus for side in shape)
        if lattice.dimension != self.dimension or uneven or min(shape) < self.side:
            raise ValueError(
                f"shape={tuple(shape)}: tiles with focus={self.focus} and side {self.side} need "
                f"{self.dimension} sides that are multiples of {self.focus} and at least "
                f"{self.side}"
            )
        return lattice

    def __call__(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in Energy, of the colours that are hottest."""
        return self.of(s.argmax(1)).to(s)

    def chains(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Float64[Tensor, "r c"]:
        """As in Energy."""
        numbers = self.numbers(s, lattice)
        found = self.table.to(s.device).index_select(0, numbers.flatten())
        return found.view(numbers.shape).sum(1, dtype=torch.float64)

    def numbers(self, s: Integer[Tensor, "r n c"], lattice: Lattice) -> Int32[Tensor, "r m c"]:
        """The number of every tile."""
        sites = self.cover(lattice).sites.to(s.device)
        found = torch.zeros(s.shape[0], len(sites), s.shape[2], dtype=torch.int32, device=s.device)
        for column in sites.T:
            found.mul_(self.colours).add_(s.index_select(1, column))
        return found

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in Energy."""
        cover = self.cover(lattice)
        place = site.long()
        tiles, powers = (part.to(s.device)[:, place] for part in (cover.tiles, cover.powers))
        numbers = self.numbers(s[None], lattice)[0].gather(0, tiles)
        base = numbers - powers * s.gather(0, place[None]).to(torch.int32)
        steps = torch.arange(self.colours, dtype=torch.int32, device=s.device)
        every = base[..., None] + powers[..., None] * steps
        return self.table.to(s.device)[every.long()].sum(0, dtype=torch.float64)

    def cover(self, lattice: Lattice) -> Cover:
        """Which sites each tile has, and which tiles each site lies in."""
        return _cover(lattice, self.focus, self.context, self.colours)


@lru_cache(maxsize=32)
def _cover(lattice: Lattice, focus: int, context: int, colours: int) -> Cover:
    side = focus + 2 * context
    starts = [range(-context, length - context, focus) for length in lattice.shape]
    steps = list(itertools.product(range(side), repeat=lattice.dimension))
    rows = []
    for start in itertools.product(*starts):
        corner = lattice.numbers.roll([-a for a in start], tuple(range(lattice.dimension)))
        rows.append([int(corner[step]) for step in steps])
    sites = torch.tensor(rows)
    within: list[list[tuple[int, int]]] = [[] for _ in range(lattice.sites)]
    for tile, row in enumerate(rows):
        for place, site in enumerate(row):
            within[site].append((tile, colours ** (len(row) - 1 - place)))
    most = max(len(found) for found in within)
    # a site in fewer tiles than others names its first one again, without effect
    padded = torch.tensor([f + [(f[0][0], 0)] * (most - len(f)) for f in within])
    return Cover(sites, padded[..., 0].T.contiguous(), padded[..., 1].T.to(torch.int32))
