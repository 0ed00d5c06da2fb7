from collections.abc import Sequence
from itertools import permutations
from typing import Any, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext, classified
from zoo.ops.patches import rearranged

GROUPS = 4


class TimeSort(Pretext):
    """In which of 24 orders do the four quarters of a window come? Cross entropy.

    Shapes:
        batch u (b,t,c,*n) with t a multiple of 4.

    Args:
        tap: as in Pretext.
        widths: as in Pretext, three.

    Raises:
        ValueError: the frames cannot be cut into 4 groups.

    Source:
        Zhou et al., arXiv 2406.08473 (TimeSort): 4 groups of 2 frames.
    """

    permutations: Tensor

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__(tap, widths)
        orders = torch.tensor(list(permutations(range(GROUPS))))
        self.register_buffer("permutations", orders)

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        self.head = self.for_numbers(model, interface, len(self.permutations))

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `accuracy` is that of a guess at 1/24 to begin with."""
        u = batch["u"]
        counts = (GROUPS, *[1] * (u.ndim - 3))
        window, label = rearranged(u, counts, self.permutations)
        return classified(self.head(self.tapped(model, window, batch["p"])), label)
