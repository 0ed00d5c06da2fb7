from abc import abstractmethod

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from zoo.models.base import Interface
from zoo.models.energy_model import EnergyModel


class Sampler(EnergyModel):
    """A normalised p(s) with independent samples, and E(s) = -T0 ln p(s) + constant.

    The identity is that of Boltzmann's law, E = -T0 ln p - T0 ln Z; the constant is a buffer,
    which `centre` and `pin` set.

    Shapes:
        as in EnergyModel.

    Args:
        interface: as in EnergyModel; it holds T0.

    Raises:
        ValueError: the interface has no temperature.
    Source:
        Sprague et al., arXiv 2003.02647.
    """

    offset: Tensor

    def __init__(self, interface: Interface) -> None:
        super().__init__(interface)
        if interface.temperature is None:
            raise ValueError(
                f"interface.temperature is missing: {type(self).__name__} reads energies from "
                "probabilities, E = -T0 ln p, and needs the temperature T0 of the data; give "
                "lattices of one temperature, and state it"
            )
        self.register_buffer("offset", torch.zeros(()))

    @abstractmethod
    def log_probabilities(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """Ln p of one-hot lattices that are checked."""

    @abstractmethod
    def squared_error(self, s: Tensor) -> Float[Tensor, " b"]:
        """Mean square over sites of a spin less its conditional mean, another proper score."""

    @abstractmethod
    def sample(
        self, count: int, rng: torch.Generator, *, sharpness: Float[Tensor, " b"] | None = None
    ) -> UInt8[Tensor, " b *n"]:
        """Independent lattices of colours, on the model's device; gradients do not pass.

        Args:
            count: b.
            rng: where the random numbers come from.
            sharpness: of each lattice; its conditional probabilities are raised to this power: 0 is
                uniform, 1 are samples of p, more is ordered more than they are.
        """

    def log_prob(self, s: Tensor) -> Float[Tensor, " b"]:
        """Ln p(s), of colours or one-hot colours."""
        return self.log_probabilities(self.one_hot(s))

    def values(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in EnergyModel."""
        assert self.temperature is not None
        return self.offset - self.temperature * self.log_probabilities(s)

    def shift(self, amount: float, shape: tuple[int, ...]) -> None:
        """As in EnergyModel."""
        self.offset += amount
