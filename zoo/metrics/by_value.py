from typing import Any

import torch
from torch import Tensor

from zoo.metrics.relative_l2 import RelativeL2
from zoo.models.base import Model


class ByValue(RelativeL2):
    """Relative L2 error of one system for each value of one of its coefficients.

    `compute` gives `<system>/<coefficient>=<value>/relative_l2` for every value that was seen.

    Args:
        system: name of the system.
        coefficient: its position among the model's coefficients is read from the model.
        levels: the values told apart; samples with other ones are left out.
    """

    def __init__(self, system: str, coefficient: str, levels: list[float]) -> None:
        super().__init__()
        self.system = system
        self.coefficient = coefficient
        self.levels = list(levels)
        self._size([f"{system}/{coefficient}={level:g}" for level in self.levels])

    def name_systems(self, systems: list[str]) -> None:
        """Remember which number the system has; the sums stay by value."""
        if self.system not in systems:
            raise ValueError(f"no system {self.system!r} among {systems}; name one of them")
        self.number = systems.index(self.system)

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """As in PerSystem."""
        names = model.interface.coefficients
        if self.coefficient not in names:
            raise ValueError(f"the model has no coefficient {self.coefficient!r}; it has {names}")
        mine = batch["system"] == self.number
        if not bool(mine.any()):
            return
        p = batch["p"][mine, names.index(self.coefficient)]
        errors = self.samples(model, {key: batch[key][mine] for key in ("u", "y", "p")}).double()
        for place, value in enumerate(self.levels):
            found = torch.isclose(p, torch.full_like(p, value))
            self.total[place] += errors[found].sum()
            self.count[place] += found.sum()

    def compute(self) -> dict[str, Tensor]:
        """Means by value, without their mean: the values are not equally frequent."""
        return {name: value for name, value in super().compute().items() if "/" in name}
