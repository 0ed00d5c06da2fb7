from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.models.parts import ends
from zoo.models.parts.homogeneous import Homogeneous
from zoo.models.parts.normaliser import Normaliser
from zoo.models.parts.spectral import SpectralConv, to_inner, to_outer


class FNO(Operator):
    """Fourier neural operator: h <- gelu(K h + A h + a), K a convolution with few Fourier modes.

    Inputs and coefficients are lifted linearly to `width` channels; then come `layers` blocks, the
    last without gelu; then two pointwise layers with a gelu between. Frames are channels,
    coefficients are constant channels, coordinates are not given. Space has 1 to 3 dimensions.

    Shapes:
        as in Operator; any grid with n >= 2 modes.

    Args:
        interface: as in Model.
        normaliser: as in Model.
        width: channels of the features.
        modes: M, for every axis or one for each: the waves -M ... M-1 are kept, on the last axis
            0 ... M-1.
        layers: Fourier blocks.
        projection: width of the layer before the output, in units of `width`.
        padding: length by which every axis is continued with zeros inside, in the units of the box;
            for boxes that are not periodic.

    Raises:
        ValueError: the grid does not hold the modes, or a periodic box is padded.

    Source:
        Li et al., ICLR 2021 (arXiv 2010.08895); as configured by Subramanian et al., NeurIPS 2023
        (arXiv 2306.00258). Differs in the start of the spectral weights, see SpectralConv.
    """

    def __init__(
        self,
        interface: Interface,
        normaliser: Normaliser,
        *,
        width: int = 32,
        modes: int | Sequence[int] = 12,
        layers: int = 4,
        projection: int = 2,
        padding: float = 0.0,
    ) -> None:
        super().__init__()
        self.interface, self.normaliser = interface, normaliser.bind(interface)
        self.width, self.layers = width, layers
        self.modes = modes if isinstance(modes, int) else list(modes)
        self.projection, self.padding = projection, padding
        each = [modes] * interface.dimension if isinstance(modes, int) else list(modes)
        if len(each) != interface.dimension or min(each) < 1:
            raise ValueError(
                f"modes={modes} must be positive, one for all or one for each of "
                f"{interface.dimension} axes"
            )
        if padding < 0 or (padding and interface.boundary == "periodic"):
            raise ValueError(
                f"padding={padding} on a box that is {interface.boundary}; it may not be negative, "
                "and is 0 on a periodic box"
            )
        self.lift = nn.Linear(interface.history * len(interface.inputs), width)
        count = len(interface.coefficients)
        self.lift_coefficients = nn.Linear(count, width, bias=False) if count else None
        self.spectral = nn.ModuleList(SpectralConv(width, width, each) for _ in range(layers))
        self.bypass = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(layers))
        self.hidden = nn.Linear(width, projection * width)
        self.output = nn.Linear(projection * width, interface.horizon * len(interface.outputs))

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        interface = Interface(inputs=("f",), outputs=("u",), coefficients=("k", "w"))
        small = {"width": 8, "modes": 3, "layers": 2}
        return {"interface": interface, "normaliser": Homogeneous(), **small}

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model."""
        least = 2 * max([self.modes] if isinstance(self.modes, int) else self.modes)
        return ends.fields(self.interface, (max(16, least),) * self.interface.dimension, rng)

    def body(
        self, u: Float[Tensor, "b t c *n"], p: Float[Tensor, "b p"] | None
    ) -> Float[Tensor, "b width *n"]:
        """As in Operator."""
        h = self.lift(to_inner(u.flatten(1, 2)))
        if self.lift_coefficients is not None:
            # a constant channel adds the same vector at every point
            h = h + self.lift_coefficients(p)
        grid = h.shape[:-2]
        if self.padding:
            h = F.pad(h, self._margins(grid))
        for i, (spectral, bypass) in enumerate(zip(self.spectral, self.bypass, strict=True)):
            h = spectral(h, bypass(h))
            if i + 1 < self.layers:
                h = F.gelu(h)
        if self.padding:
            h = h[tuple(slice(0, n) for n in grid)]
        return to_outer(h)

    def _margins(self, grid: Sequence[int]) -> list[int]:
        """What `F.pad` wants: cells behind each axis, the trailing axes first."""
        box = (self.interface.box[-1], *self.interface.box[:-1])
        cells = [round(self.padding * n / side) for n, side in zip(grid, box, strict=True)]
        return [0, 0, 0, 0] + [cell for c in reversed(cells) for cell in (0, c)]

    def project(self, h: Float[Tensor, "b width *n"]) -> Float[Tensor, "b t c *n"]:
        """As in Operator."""
        y = to_outer(self.output(F.gelu(self.hidden(to_inner(h)))))
        return y.unflatten(1, (self.interface.horizon, len(self.interface.outputs)))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        axes, d = ends.channel_axes(self.interface), self.interface.dimension
        each = [self.modes] * d if isinstance(self.modes, int) else self.modes
        # the last space axis leads; it has the waves that are not negative alone
        waves = [(d - 1, range(each[-1])), *((i, range(-m, m)) for i, m in enumerate(each[:-1]))]
        kept = {
            axis: [f"waves.{place}.{k}" for k in numbers]
            for axis, (place, numbers) in enumerate(waves)
        }
        axes |= {f"spectral.{i}.weight": kept for i in range(self.layers)}
        return super().channel_axes() | axes
