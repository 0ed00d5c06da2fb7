import math
from typing import Any, ClassVar, Literal

from torch import Tensor

from zoo.models.base import Model
from zoo.models.energy_model import EnergyModel
from zoo.models.sampler import Sampler
from zoo.objectives.on_lattices import Augment, OnLattices


class Likelihood(OnLattices):
    """-⟨ln p(s)⟩ / N, the cross entropy per site of lattices of one temperature.

    Its least value is their entropy per site. Or the squared error of conditional means, another
    proper score.

    Shapes:
        as in OnLattices.

    Args:
        score: "log" is the cross entropy, "squared" the squared error.
        augment: as in OnLattices.

    Raises:
        ValueError: an unknown score, or lattices whose temperature is not the model's.

    Source:
        Sprague et al., arXiv 2003.02647: squared error, no augmentation.
    """

    trains: ClassVar[type[EnergyModel]] = Sampler

    def __init__(
        self, score: Literal["log", "squared"] = "log", *, augment: Augment = "none"
    ) -> None:
        super().__init__(augment)
        if score not in ("log", "squared"):
            raise ValueError(f"score={score!r} must be 'log' or 'squared'")
        self.score = score

    def forward(self, model: Model, batch: dict[str, Any]) -> dict[str, Tensor]:
        """As in Objective; `loss` is in nats per site."""
        assert isinstance(model, Sampler)
        require_temperature(model, batch)
        s = self.seen(batch["s"])
        if self.score == "squared":
            return {"loss": model.squared_error(s).mean()}
        return {"loss": -model.log_prob(s).mean() / math.prod(model.shape)}


def require_temperature(model: EnergyModel, batch: dict[str, Any]) -> None:
    """Refuse lattices of another temperature than the model's, where both are known.

    Raises:
        ValueError: with the temperature found.
    """
    beta, own = batch.get("beta"), model.temperature
    # elsewhere than on a CPU a look would wait for the device
    if beta is None or own is None or beta.device.type != "cpu":
        return
    strange = (beta.double() * own - 1).abs() > 1e-4
    if bool(strange.any()):
        raise ValueError(
            f"a batch holds lattices of temperature {1 / float(beta[strange][0]):g}, the model is "
            f"of T0={own:g}; one model learns one temperature: give it data of that one alone"
        )
