from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.objectives.pretext import Pretext

SCALES = {"nu": 2e-2, "ax": 2.5, "ay": 2.5, "cx": 1.0, "cy": 1.0}


class Coefficient(Pretext):
    """Read the equation's coefficients off a window: mean squared error of p / scale.

    A term that an equation does not have has the coefficient 0.

    Shapes:
        batch p, has_p (b,P), columns named by the data's interface.

    Args:
        tap: as in Pretext.
        widths: as in Pretext, three.
        scales: what each coefficient is divided by, by name: all that the data hold, no other.

    Raises:
        ValueError: a name is unknown or missing, or the model is given what it is to find.

    Source:
        Zhou et al., arXiv 2406.08473 (Coefficient). Their code divides the batch itself.
    """

    columns: Tensor
    divisors: Tensor

    def __init__(
        self,
        tap: Literal["features", "output"] = "features",
        widths: Sequence[int] | None = None,
        scales: dict[str, float] | None = None,
    ) -> None:
        super().__init__(tap, widths)
        self.scales = dict(SCALES if scales is None else scales)
        bad = {name: scale for name, scale in self.scales.items() if not scale > 0}
        if bad or not self.scales:
            raise ValueError(f"scales={self.scales}: name at least one, and positive numbers only")

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        self.head = self.for_numbers(model, interface, len(self.scales))
        held = interface.coefficients
        check_names(self.scales, held)
        seen = [name for name in self.scales if name in model.interface.coefficients]
        if seen:
            raise ValueError(
                f"the model is given {seen}, so there is nothing to find; leave them out of its "
                "interface's coefficients"
            )
        columns = torch.tensor([held.index(name) for name in self.scales])
        self.register_buffer("columns", columns, persistent=False)
        divisors = torch.tensor(list(self.scales.values()))
        self.register_buffer("divisors", divisors, persistent=False)

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective."""
        p, has = batch["p"][:, self.columns], batch["has_p"][:, self.columns]
        target = torch.where(has.bool(), p / self.divisors, torch.zeros_like(p))
        found = self.head(self.tapped(model, batch["u"], batch["p"]))
        return {"loss": F.mse_loss(found, target)}


def check_names(scales: Mapping[str, float], held: Sequence[str]) -> None:
    """Refuse scales that do not name exactly the coefficients that the data hold."""
    unknown = [name for name in scales if name not in held]
    missing = [name for name in held if name not in scales]
    if unknown:
        raise ValueError(f"scales name {unknown}, which the data do not hold; they hold {held}")
    if missing:
        raise ValueError(f"scales do not name {missing}, which the data hold; add their sizes")
