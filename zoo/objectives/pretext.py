from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.models.base import Interface, Model
from zoo.models.operator import Operator
from zoo.objectives.base import Objective
from zoo.objectives.heads import CNN, Dense


class Pretext(Objective):
    """A task that a body learns before the one that matters; its head is thrown away.

    Args:
        tap: where the head sits: on the model's `features`, or on its one output map, as in the
            paper.
        widths: channels of the head's layers, three for numbers and two for maps; the paper's on
            the output map, thinner ones on features, if left out.

    Source:
        Zhou et al., arXiv 2406.08473: there the whole forecaster, its output layer included, is
        the encoder. A one-channel map is a narrow place to learn through: hence `features`.
    """

    pretext = True
    head: nn.Module
    """Made by `bind`."""

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if tap not in ("features", "output"):
            raise ValueError(f"tap={tap!r} must be 'features' or 'output'")
        self.tap = tap
        self.widths = None if widths is None else list(widths)

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        self.operator(model)

    def operator(self, model: Model) -> Operator:
        """The model as an operator.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(model, Operator):
            raise ValueError(
                f"{type(self).__name__} trains a body through `features`, which a "
                f"{type(model).__name__} does not have; use an operator such as FNO or UNet"
            )
        return model

    def channels(self, model: Operator) -> int:
        """Channels of what `tapped` gives."""
        if self.tap == "features":
            return model.width
        return model.interface.horizon * len(model.interface.outputs)

    def tapped(self, model: Model, u: Tensor, p: Tensor | None) -> Tensor:
        """What the head sees, (b, channels, *n)."""
        operator = self.operator(model)
        if self.tap == "output":
            return operator(u, p).flatten(1, 2)
        # the projection takes part with weight zero: plain DDP waits for every parameter
        idle = sum(parameter.sum() for parameter in operator.parameters())
        return operator.features(u, p) + 0.0 * idle

    def for_numbers(self, model: Model, interface: Interface, outputs: int) -> CNN:
        """A head from maps to numbers; on features its first layer is pointwise, to be cheap."""
        features = self.tap == "features"
        return CNN(
            self.channels(self.operator(model)),
            outputs,
            dimension=interface.dimension,
            widths=self.widths or ((8, 8, 16) if features else (4, 8, 16)),
            kernels=(1, 3, 1) if features else (3, 3, 1),
            periodic=interface.boundary == "periodic",
        )

    def for_maps(self, model: Model, interface: Interface, outputs: int) -> Dense:
        """A head from maps to maps; on features, which have mixed space already, pointwise."""
        features = self.tap == "features"
        return Dense(
            self.channels(self.operator(model)),
            outputs,
            dimension=interface.dimension,
            widths=self.widths or ((32, 32) if features else (128, 256)),
            kernel=1 if features else 3,
            periodic=interface.boundary == "periodic",
        )


def classified(logits: Float[Tensor, "b classes"], label: Int[Tensor, " b"]) -> dict[str, Tensor]:
    """Cross entropy in the mean over samples, and the share of samples whose class is found."""
    found = (logits.detach().argmax(1) == label).float().mean()
    return {"loss": F.cross_entropy(logits, label), "accuracy": found}
