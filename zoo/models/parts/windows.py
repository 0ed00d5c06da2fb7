import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.spin.lattice import Lattice


class Windows(NamedTuple):
    """Overlapping tiles of a periodic lattice, in the order of `zoo.spin.tiles.TileEnergy`.

    Shapes:
        sites (m, k): the sites of each tile. tiles (t, n): the tiles that each site lies in;
        inside (t, n) bool: false where a site lies in fewer than t of them and its first one is
        named again.
    """

    sites: Tensor
    tiles: Tensor
    inside: Tensor


@lru_cache(maxsize=32)
def windows(lattice: Lattice, focus: int, context: int) -> Windows:
    """Tiles of focus + 2 context sites a side, `focus` apart along each axis.

    The first one starts `context` sites before the origin.
    """
    sites, d = torch.zeros(1, 1, dtype=torch.long), lattice.dimension
    inner = torch.arange(focus + 2 * context)
    for axis, length in enumerate(lattice.shape):
        starts = torch.arange(-context, length - context, focus)
        along = (starts[:, None] + inner) % length * math.prod(lattice.shape[axis + 1 :])
        # tiles and the sites within them: the last axis of space is fastest in both
        grown = sites[:, None, :, None] + along[None, :, None, :]
        sites = grown.flatten(2).flatten(0, 1)
    assert sites.shape[1] == len(inner) ** d
    return Windows(sites, *_members(sites, lattice.sites))


def _members(sites: Tensor, count: int) -> tuple[Tensor, Tensor]:
    flat, order = sites.flatten().sort(stable=True)
    owner = order // sites.shape[1]
    each = flat.bincount(minlength=count)
    rank = torch.arange(len(flat)) - (each.cumsum(0) - each)[flat]
    tiles = owner[rank == 0].repeat(int(each.max()), 1)
    inside = torch.zeros_like(tiles, dtype=torch.bool)
    tiles[rank, flat], inside[rank, flat] = owner, True
    return tiles, inside
