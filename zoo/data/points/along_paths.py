import torch
from torch import Tensor

from zoo.data.points.fresh import Fresh
from zoo.pde.points.whole_space import WholeSpace


class AlongPaths(Fresh):
    """Interior points on the equation's Brownian paths (`WholeSpace.draw_paths`), each step anew.

    Validation and test keep the equation's own law. Arguments, batches, ranks and restarts as in
    Fresh.

    Raises:
        ValueError: the equation has no such paths.
    """

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """As in Fresh, on paths."""
        if not isinstance(self.equation, WholeSpace):
            raise ValueError(
                f"equation={self.equation.name} is no equation of the whole space and has no "
                "paths; take zoo.data.points.fresh.Fresh"
            )
        return self.equation.draw_paths(count, rng)
