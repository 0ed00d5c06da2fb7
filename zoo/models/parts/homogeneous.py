from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.models.parts.normaliser import Normaliser

if TYPE_CHECKING:
    from zoo.models.base import Interface


class Homogeneous(Normaliser):
    """Source and coefficients by one factor per instance; the solution is left as it is.

    A linear equation A(p) u = f, homogeneous in p, has the same u for (f/c, p/c). With
    c = rms(f) / median rms(f) every source has the typical size, whatever its own; each coefficient
    is then divided by the median of its magnitude over the training samples that own it. The factor
    is an rms, not a norm, so it does not depend on the grid; a zero source has c = 1.

    Args:
        source: the inputs whose rms is the factor; None is all of them.

    Source:
        Subramanian et al., NeurIPS 2023 (arXiv 2306.00258), section on normalisation; there the
        factor is ||f||_2 / n^2, which changes with the grid: rms is its grid-free equal.
    """

    source_rms: Tensor
    coefficient_median: Tensor

    def __init__(self, source: Sequence[str] | None = None) -> None:
        super().__init__()
        self.source = source
        self.places: list[int] = []

    def bind(self, interface: "Interface") -> "Normaliser":
        """As in Normaliser."""
        named = interface.inputs if self.source is None else self.source
        unknown = [name for name in named if name not in interface.inputs]
        if unknown or not named:
            raise ValueError(f"source={named} must name inputs; they are {interface.inputs}")
        self.places = [interface.inputs.index(name) for name in named]
        self.register_buffer("source_rms", torch.ones(()))
        self.register_buffer("coefficient_median", torch.ones(len(interface.coefficients)))
        return self

    def fill(self, statistics: dict[str, Any]) -> None:
        """Take `source_rms` and `coefficient_median` of the training set."""
        for name in ("source_rms", "coefficient_median"):
            value = torch.as_tensor(statistics[name], dtype=torch.float64)
            buffer: Tensor = getattr(self, name)
            if value.shape != buffer.shape or not bool((value > 0).all()):
                raise ValueError(
                    f"{name}={value.tolist()} must hold {tuple(buffer.shape)} positive numbers; "
                    "look at the data module's statistics()"
                )
            buffer.copy_(value)

    def encode(self, u: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor | None, None]:
        """As in Normaliser; the state is None, since the solution keeps its units."""
        source = u if len(self.places) == u.shape[2] else u[:, :, self.places]
        square = source.flatten(1).square().mean(1)
        one = torch.ones_like(square)
        # the root of the zero itself would have a gradient that is not a number
        rms = torch.where(square > 0, square, one).sqrt()
        factor = torch.where(square > 0, rms / self.source_rms, one)
        scaled = u / factor.view(-1, *(1,) * (u.ndim - 1))
        if p is None:
            return scaled, None, None
        return scaled, p / factor[:, None] / self.coefficient_median, None

    def decode(self, y: Tensor, state: Tensor | None) -> Tensor:
        """The solution itself: it was never scaled."""
        return y

    def channel_axes(self, interface: "Interface") -> dict[str, list[str]]:
        """As in Normaliser."""
        return {"coefficient_median": interface.slots("coefficients")}

    def carried(self, old: "Interface", new: "Interface") -> dict[str, Any]:
        """As in Normaliser: the factor stays the rms of the old source."""
        named = old.inputs if self.source is None else self.source
        kept = [name for name in named if name in new.inputs]
        return {"source": None if set(kept) == set(new.inputs) else kept}
