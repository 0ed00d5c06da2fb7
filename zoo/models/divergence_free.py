from typing import Any

import torch
from torch import Tensor

from zoo.models.base import Interface
from zoo.models.field import Field
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.divergence_free_jet import DivergenceFreeJet, flow, pairs
from zoo.models.parts.layers import Layers, point_axes
from zoo.models.parts.unscaled import Unscaled
from zoo.ops.jets import Jet
from zoo.ops.taylor import taylor


class DivergenceFree(Field):
    """A density and its flux that conserve mass exactly: ∂ρ/∂t + ∇·m = 0 whatever the weights.

    With coordinates x = (t, space) and a perceptron's potentials b, one for each coordinate,
    (ρ, m)_i = Σ_j ∂_j A_ij, where A_ij = ∂_j b_i - ∂_i b_j is antisymmetric: so Σ_ij ∂_i ∂_j A_ij
    vanishes. The outputs behind them, such as a pressure, are the perceptron's own.

    Shapes:
        as in Field.

    Args:
        interface: as in Field; the first inputs and outputs belong together: ("t", "x") and
            ("rho", "m"), and other outputs may follow.
        normaliser: as in Model, Unscaled (also None) or ByRegion.
        width: numbers in each hidden layer.
        layers: hidden layers.
        activation: as in MLP.
        sharpness: as in MLP.

    Raises:
        ValueError: fewer outputs than coordinates, or one coordinate alone; as in MLP.

    Source:
        Richter-Powell, Lipman and Chen, NeurIPS 2022 (arXiv 2210.01741), the form with a vector
        of potentials; sizes as in Trenta, Cossu and Bacciu, TMLR 2026 (arXiv 2505.01391).
    """

    def __init__(
        self,
        interface: Interface,
        normaliser: Unscaled | ByRegion | None = None,
        *,
        width: int = 128,
        layers: int = 4,
        activation: str = "softplus",
        sharpness: float = 25.0,
    ) -> None:
        super().__init__()
        self.interface = interface
        self.normaliser = Unscaled() if normaliser is None else normaliser
        self.normaliser.bind(interface)
        self.width, self.layers = width, layers
        self.activation, self.sharpness = activation, sharpness
        coordinates, outputs = len(interface.inputs), len(interface.outputs)
        if coordinates < 2 or outputs < coordinates:
            raise ValueError(
                f"coordinates {interface.inputs} and outputs {interface.outputs}: there must be a "
                "component for each coordinate, (rho, m1) for (t, x), and at least two"
            )
        count = coordinates + len(interface.coefficients)
        self.linear = Layers(count, width, layers, outputs, activation, sharpness)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        region = ((0.0, 0.5), (-1.0, 1.0), (-2.0, 1.0))
        interface = Interface(("t", "x", "y"), ("rho", "m1", "m2", "p"), region=region)
        small = {"width": 8, "layers": 2, "sharpness": 3.0}
        return {"interface": interface, "normaliser": ByRegion(), **small}

    def values(self, x: Tensor) -> Tensor:
        """As in Field; outside autocast, since second derivatives cancel."""
        size = len(self.interface.inputs)
        with torch.autocast(x.device.type, enabled=False):
            run = self.linear.run(x)
            known = taylor(run, self._first(run.weights[0]), pairs(size))
            return torch.cat([flow(known, size), run.value[:, size:]], 1)

    def _first(self, weight: Tensor) -> Tensor:
        scale = self.normaliser
        assert isinstance(scale, Unscaled | ByRegion)
        return scale.scaled(weight, len(self.interface.inputs))

    def own_jet(self, x: Tensor) -> Jet:
        """As in Field; value and gradient are made together, in closed form."""
        if torch.is_autocast_enabled(x.device.type):
            return super().own_jet(x)
        run = self.linear.run(self.normaliser.encode(x, None)[0])
        first = self._first(run.weights[0])
        return DivergenceFreeJet(run, first, lambda: super(DivergenceFree, self).own_jet(x))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        return super().channel_axes() | point_axes(self.interface, self.layers)
