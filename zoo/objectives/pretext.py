from typing import Literal

from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.operator import Operator
from zoo.objectives.base import Objective


class Pretext(Objective):
    """A task that a body learns before the one that matters; its head is thrown away.

    Args:
        tap: where the head sits: on the model's `features`, or on its one output map, as in the
            paper.

    Source:
        Zhou et al., arXiv 2406.08473: there the whole forecaster, its output layer included, is
        the encoder. A one-channel map is a narrow place to learn through: hence `features`.
    """

    def __init__(self, tap: Literal["features", "output"] = "features") -> None:
        super().__init__()
        if tap not in ("features", "output"):
            raise ValueError(f"tap={tap!r} must be 'features' or 'output'")
        self.tap = tap

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        if not isinstance(model, Operator):
            raise ValueError(
                f"{type(self).__name__} trains a body through `features`, which a "
                f"{type(model).__name__} does not have; use an operator such as FNO or UNet"
            )

    def channels(self, model: Operator) -> int:
        """Channels of what `tapped` gives."""
        if self.tap == "features":
            return model.width
        return model.interface.horizon * len(model.interface.outputs)

    def tapped(self, model: Operator, u: Tensor, p: Tensor | None) -> Tensor:
        """What the head sees, (b, channels, *n)."""
        if self.tap == "output":
            return model(u, p).flatten(1, 2)
        # the projection takes part with weight zero: plain DDP waits for every parameter
        idle = sum(parameter.sum() for parameter in model.parameters())
        return model.features(u, p) + 0.0 * idle
