import itertools
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Integer
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.energy_model import EnergyModel, spins
from zoo.models.parts.windows import windows
from zoo.spin.lattice import Lattice
from zoo.spin.tiles import TileEnergy

BLOCK = 2**13
"""Tiles that a table evaluates together: what stays in a core's cache."""


class EDNN(EnergyModel):
    """Extensive energy E(s) = Σ_tiles ε(tile) with one perceptron ε for all tiles.

    A tile is a window of focus + 2 context sites along each axis, periodically continued; tiles lie
    `focus` apart, so that each site is in the focus of one. The context must reach as far as the
    interaction. Trained on one size, it is a function on every size.

    Shapes:
        as in EnergyModel; any lattice whose sides the focus divides, two tiles a side or more, none
        shorter than a tile.

    Args:
        interface: as in EnergyModel.
        focus: distance of the tiles.
        context: sites on each side beyond the focus.
        hidden: widths of ε's hidden layers, with ramps between.
        coding: how a colour enters: "scalar" is 2q / (Q - 1) - 1, which is -1 and +1 of two;
            "one_hot" is Q numbers; None is "scalar" of two colours, "one_hot" of more.

    Raises:
        ValueError: sizes that are not positive, or an unknown coding.

    Source:
        Mills et al., Chem. Sci. 10 (2019), arXiv 1708.06686; Sprague et al., arXiv 2003.02647, with
        focus 2, context 1, widths 32 and 64, and scalars for Potts spins too.
    """

    levels: Tensor

    def __init__(
        self,
        interface: Interface,
        *,
        focus: int = 2,
        context: int = 1,
        hidden: tuple[int, ...] = (32, 64),
        coding: Literal["scalar", "one_hot"] | None = None,
    ) -> None:
        super().__init__(interface)
        self.focus, self.context, self.coding = focus, context, coding
        self.hidden = tuple(hidden)
        if focus < 1 or context < 0 or min(self.hidden, default=0) < 1:
            raise ValueError(
                f"focus={focus}, context={context}, hidden={list(hidden)}: the focus and at least "
                "one width must be positive, the context not negative"
            )
        if coding not in (None, "scalar", "one_hot"):
            raise ValueError(f"coding={coding!r} must be 'scalar' or 'one_hot'")
        self.side = focus + 2 * context
        q = self.colours
        hot = coding == "one_hot" or (coding is None and q > 2)
        levels = torch.eye(q) if hot else torch.linspace(-1, 1, q)[:, None]
        self.register_buffer("levels", levels, persistent=False)
        sizes = [self.side**interface.dimension * levels.shape[1], *self.hidden, 1]
        layers = [
            one for pair in itertools.pairwise(sizes) for one in (nn.Linear(*pair), nn.ReLU())
        ]
        self.net = nn.Sequential(*layers[:-1])

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        return {"interface": spins((6, 6), 2, 4.0), "hidden": (8, 8)}

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """As in EnergyModel: what tiles cover."""
        lattice, f = super().on(shape), self.focus
        if any(n % f or n < 2 * f or n < self.side for n in shape):
            raise ValueError(
                f"shape={tuple(shape)}: tiles of {self.side} sites a side that lie {f} apart need "
                f"sides that are multiples of focus={f}, at least {max(2 * f, self.side)}"
            )
        return lattice

    def values(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in EnergyModel."""
        sites = windows(Lattice(tuple(s.shape[2:])), self.focus, self.context).sites.to(s.device)
        x = s.flatten(2).mT @ self.levels
        tiles = x.index_select(1, sites.flatten()).view(len(s), len(sites), -1)
        return self.net(tiles).sum((1, 2))

    def tile_energies(self, tiles: Integer[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
        """ε of tiles, by the colours of their sites."""
        if self.levels.shape[1] == 1:  # the levels are evenly spaced
            x = tiles.to(self.levels.dtype).mul_(2 / (self.colours - 1)).sub_(1)
        else:
            x = F.embedding(tiles.long(), self.levels).flatten(-2)
        return self.net(x)[..., 0]

    @torch.no_grad()
    def shift(self, amount: float, shape: tuple[int, ...]) -> None:
        """As in EnergyModel: the same for each tile, so that it stays extensive."""
        tiles = self.on(shape).sites // self.focus ** len(shape)
        self.net[-1].bias += amount / tiles

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in EnergyModel: of the tiles alone that the spin lies in."""
        own = windows(self.on(lattice.shape), self.focus, self.context)
        sites, tiles, inside = (part.to(s.device) for part in own)
        place = site.long()
        around = sites[tiles[:, place]]
        colours = s.T[torch.arange(len(place), device=s.device)[:, None], around]
        steps = torch.arange(self.colours, dtype=s.dtype, device=s.device).view(-1, 1, 1, 1)
        every = torch.where(around == place[:, None], steps, colours)
        found = self.tile_energies(every) * inside[:, place]
        return found.sum(1).T.double()

    @torch.no_grad()
    def table(self, *, limit: int = 2**26) -> Float[Tensor, " k"]:
        """ε of every tile, by its number: colours as digits in base Q, the first site the highest.

        Q = 3 and tiles of 4 x 4 are 43 million numbers, 172 MB.

        Args:
            limit: how many are tolerated.

        Raises:
            ValueError: there are more.
        """
        k, q = self.side**self.interface.dimension, self.colours
        if q**k > limit:
            raise ValueError(
                f"{q} colours on {k} sites make {q**k} tiles, above limit={limit}; take a smaller "
                "focus or context, or sample without a table: zoo.models.parts.net_metropolis"
            )
        # the first layer of a tile is the sum of its two halves'
        first = self.net[0]
        assert isinstance(first, nn.Linear)
        weight = first.weight.unflatten(1, (k, -1))
        parts = torch.einsum("hkj,qj->kqh", weight, self.levels)
        high, low = _sums(parts[: k // 2]), _sums(parts[k // 2 :]) + first.bias
        rows = max(1, BLOCK // len(low))
        found = [self.net[1:]((part[:, None] + low).flatten(0, 1)) for part in high.split(rows)]
        return torch.cat(found)[:, 0]

    def tabulated(self, *, limit: int = 2**26) -> TileEnergy:
        """The same energy from a table, which `zoo.spin.tile_metropolis` samples.

        Args:
            limit: as in `table`.
        """
        return TileEnergy(
            self.table(limit=limit).cpu(),
            self.colours,
            dimension=self.interface.dimension,
            focus=self.focus,
            context=self.context,
        )


def _sums(parts: Tensor) -> Tensor:
    """Σ over sites of (sites, q, h) for all q^sites colourings, the last site fastest."""
    found = parts.new_zeros(1, parts.shape[2])
    for site in parts:
        found = (found[:, None] + site).flatten(0, 1)
    return found
