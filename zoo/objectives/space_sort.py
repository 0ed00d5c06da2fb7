from collections.abc import Sequence
from itertools import permutations
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext, classified
from zoo.ops.patches import rearranged

BLOCKS = {1: (4,), 2: (2, 2), 3: (2, 2, 1)}
"""Blocks along each axis: four, in any dimension."""


class SpaceSort(Pretext):
    """In which of 24 orders do the four quarters of space lie, the same in all frames?

    Cross entropy. Space is cut into 2 x 2 patches; in 1-D into four stretches, in 3-D along the
    first two axes.

    On a periodic box whose fields look alike everywhere, shifts by whole blocks make four orders
    of each kind that nothing can tell apart: there 1/4 is the highest accuracy and log 4 the
    lowest loss that any model can reach, 1/24 and log 24 those of a guess.

    Shapes:
        batch u (b,t,c,*n), n even (1-D: a multiple of 4).

    Args:
        tap: as in Pretext.
        widths: as in Pretext, three.

    Raises:
        ValueError: the grid cannot be cut into the blocks.

    Source:
        Zhou et al., arXiv 2406.08473 (SpaceSort), in 2-D; the four stretches in 1-D are ours.
    """

    permutations: Tensor

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__(tap, widths)
        self.register_buffer("permutations", torch.tensor(list(permutations(range(4)))))

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        self.head = self.for_numbers(model, interface, len(self.permutations))

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        u = batch["u"]
        window, label = rearranged(u, (1, *BLOCKS[u.ndim - 3]), self.permutations)
        return classified(self.head(self.tapped(model, window, batch["p"])), label)
