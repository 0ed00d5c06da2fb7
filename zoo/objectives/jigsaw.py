from collections.abc import Sequence
from itertools import permutations
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext, classified
from zoo.ops.patches import rearranged

BLOCKS = {1: (2, 4), 2: (2, 2, 2), 3: (2, 2, 2, 1)}
"""Blocks along time and each axis of space: two by four, in any dimension."""


class Jigsaw(Pretext):
    """In which of 64 orders do the eight blocks of a window lie? Cross entropy.

    Blocks are halves of time by quarters of space, as SpaceSort cuts it. The orders: `far_apart`.

    Shapes:
        batch u (b,t,c,*n), t and n even (1-D: n a multiple of 4).

    Args:
        tap: as in Pretext.
        widths: as in Pretext, three.
        classes: how many of the 8! orders are used.
        seed: of the choice among orders that are equally far apart.

    Raises:
        ValueError: the frames or the grid cannot be cut into the blocks.

    Source:
        Zhou et al., arXiv 2406.08473 (Jigsaw). Differs in the choice of orders: theirs are 64 that
        move every block, which 14,833 of the 40,320 do, so it is arbitrary and leaves some a single
        swap apart. Ours are far from each other too, and no two differ by a shift of the periodic
        box alone, since these could not be told apart.
    """

    permutations: Tensor

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
        classes: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__(tap, widths)
        self.classes, self.seed = classes, seed
        self.register_buffer("permutations", far_apart(classes, seed))

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        self.head = self.for_numbers(model, interface, self.classes)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        u = batch["u"]
        window, label = rearranged(u, BLOCKS[u.ndim - 3], self.permutations)
        return classified(self.head(self.tapped(model, window, batch["p"])), label)


def far_apart(count: int, seed: int) -> Tensor:
    """Orders of 8 blocks, (count, 8), each as far as can be from those before it.

    Greedy: the next is one whose least Hamming distance to the identity and to all chosen ones is
    largest, the first of these in an order shuffled by `seed`. Shifting space by whole blocks acts
    on what an order names, so of four orders that differ by a shift only that one is a candidate
    which puts a block of the first quarter of space in front.

    Raises:
        ValueError: there are not so many orders.
    """
    every = torch.tensor(list(permutations(range(8))))
    left = every[every[:, 0] % 4 == 0]
    if not 2 <= count < len(left):
        raise ValueError(f"classes={count} must lie between 2 and {len(left) - 1}")
    left = left[torch.randperm(len(left), generator=torch.Generator().manual_seed(seed))]
    least = (left != torch.arange(8)).sum(1)
    chosen = []
    for _ in range(count):
        chosen.append(left[least.argmax()])
        least = torch.minimum(least, (left != chosen[-1]).sum(1))
    return torch.stack(chosen)
