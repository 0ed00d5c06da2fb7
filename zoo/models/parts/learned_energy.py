import torch
from jaxtyping import Float64, Integer
from torch import Tensor

from zoo.models.energy_model import EnergyModel
from zoo.spin.called_energy import CalledEnergy
from zoo.spin.lattice import Lattice


class LearnedEnergy(CalledEnergy):
    """The energy of a model, as chains take it (`zoo.spin.dynamics`); it learns nothing more.

    Args:
        model: whose energy.
    """

    def __init__(self, model: EnergyModel) -> None:
        shape = model.shape if model.resolution == "fixed" else None
        super().__init__(model.energy, model.colours, shape)
        self.model = model

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """As in Energy: what the model takes."""
        return self.model.on(tuple(shape))

    @torch.no_grad()
    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """As in Energy, in the model's own way."""
        return self.model.local(s, site, lattice)
