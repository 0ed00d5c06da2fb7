from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.energy_model import EnergyModel
from zoo.objectives.base import Objective
from zoo.spin.lattice import Lattice

Augment = Literal["none", "lattice"]


class OnLattices(Objective):
    """What is minimised over lattices of spins, the `s` of a batch.

    Shapes:
        batch s (b, *n) colours; beta (b,), the inverse temperatures, where there are any.

    Args:
        augment: "lattice" shows each batch through a random symmetry of the lattice: a translation,
            axes exchanged, axes reversed. Not where bonds differ from site to site.
        teacher: a frozen model of the same lattices and colours; neither among the parameters nor
            in any state_dict.

    Raises:
        ValueError: an unknown augmentation, a teacher of something else, or symmetries of a glass.
    """

    trains: ClassVar[type[EnergyModel]] = EnergyModel
    """What it can train."""
    teacher: Model | None

    def __init__(self, augment: Augment = "none", teacher: Model | None = None) -> None:
        super().__init__()
        if augment not in ("none", "lattice"):
            raise ValueError(f"augment={augment!r} must be 'none' or 'lattice'")
        self.augment = augment
        frozen = None if teacher is None else teacher.requires_grad_(False).eval()
        # past nn.Module, or its weights would be trained and saved with the student's
        object.__setattr__(self, "teacher", frozen)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "OnLattices":
        """Move the teacher along, although it is no submodule."""
        if self.teacher is not None:
            self.teacher._apply(fn)
        return super()._apply(fn, recurse)

    def bind(self, model: Model, interface: Interface) -> None:
        """As in Objective."""
        name = type(self).__name__
        for role, one, kind in self._models(model):
            if not isinstance(one, kind):
                raise ValueError(
                    f"{name} needs a {kind.__name__} as its {role}, got a {type(one).__name__}; "
                    "use a model of spins such as RNN or EDNN"
                )
            if one.colours != interface.colours:
                raise ValueError(
                    f"the {role} has {one.colours} colours, the data {interface.colours}; "
                    "take a model of the same spins"
                )
            system = getattr(one, "system", None)
            if self.augment == "lattice" and system is not None and system.shape is not None:
                raise ValueError(
                    f"augment='lattice', but the {role} is of a {type(system).__name__}, whose "
                    "bonds differ from site to site; take augment='none'"
                )

    def _models(self, model: Model) -> list[tuple[str, Model, type[EnergyModel]]]:
        """Which models there are, and what each must be."""
        found: list[tuple[str, Model, type[EnergyModel]]] = [("model", model, self.trains)]
        if self.teacher is not None:
            found.append(("teacher", self.teacher, EnergyModel))
        return found

    def seen(self, s: Tensor) -> Tensor:
        """Lattices through a symmetry drawn for all of them, while training."""
        if self.augment == "none" or not self.training:
            return s
        sites = Lattice(tuple(s.shape[1:])).symmetry(torch.default_generator)
        return s.flatten(1).index_select(1, sites.to(s.device)).view_as(s)
