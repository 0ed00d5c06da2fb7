from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange
from torch import Tensor

from zoo.models.parts.normaliser import Normaliser

if TYPE_CHECKING:
    from zoo.models.base import Interface


class Affine(Normaliser):
    """Each channel and coefficient by the mean and standard deviation of the training set."""

    inputs_mean: Tensor
    inputs_std: Tensor
    outputs_mean: Tensor
    outputs_std: Tensor
    coefficients_mean: Tensor
    coefficients_std: Tensor

    def bind(self, interface: "Interface") -> "Normaliser":
        """As in Normaliser."""
        for name in ("inputs", "outputs", "coefficients"):
            count = len(getattr(interface, name))
            self.register_buffer(f"{name}_mean", torch.zeros(count))
            self.register_buffer(f"{name}_std", torch.ones(count))
        return self

    def fill(self, statistics: dict[str, Any]) -> None:
        """Take `<inputs|outputs|coefficients>_<mean|std>`; a zero std (a constant) becomes one."""
        for name, buffer in self.named_buffers():
            value = torch.as_tensor(statistics[name], dtype=torch.float64)
            if value.shape != buffer.shape or not bool(value.isfinite().all()):
                raise ValueError(
                    f"{name}={value.tolist()} must hold {tuple(buffer.shape)} finite numbers; "
                    "look at the data module's statistics()"
                )
            buffer.copy_(torch.where(value == 0, 1.0, value) if name.endswith("_std") else value)

    def encode(self, u: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor | None, None]:
        """As in Normaliser."""
        scaled = (u - _channels(self.inputs_mean, u)) / _channels(self.inputs_std, u)
        if p is None:
            return scaled, None, None
        return scaled, (p - self.coefficients_mean) / self.coefficients_std, None

    def decode(self, y: Tensor, state: Tensor | None) -> Tensor:
        """As in Normaliser."""
        return y * _channels(self.outputs_std, y) + _channels(self.outputs_mean, y)

    def channel_axes(self, interface: "Interface") -> dict[str, list[str]]:
        """As in Normaliser; frames share a channel's statistics."""
        kinds = ("inputs", "outputs", "coefficients")
        return {f"{k}_{s}": _names(interface, k) for k in kinds for s in ("mean", "std")}


def _names(interface: "Interface", kind: str) -> list[str]:
    return [f"{kind}.{name}" for name in getattr(interface, kind)]


def _channels(values: Tensor, like: Tensor) -> Tensor:
    return rearrange(values, "c -> 1 1 c" + " 1" * (like.ndim - 3))
