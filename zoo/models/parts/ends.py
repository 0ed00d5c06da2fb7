"""The two ends of an operator: fields to try it with, and the channels of its outer layers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.models.base import Interface


def fields(interface: Interface, grid: Sequence[int], rng: torch.Generator) -> dict[str, Tensor]:
    """Two samples as `forward` takes them: normal fields, coefficients uniform in [0.5, 1.5).

    Args:
        interface: of the model.
        grid: points along each axis.
        rng: what they are drawn from.
    """
    inputs = {"u": torch.randn(2, interface.history, len(interface.inputs), *grid, generator=rng)}
    if interface.coefficients:
        inputs["p"] = torch.rand(2, len(interface.coefficients), generator=rng) + 0.5
    return inputs


def channel_axes(interface: Interface) -> dict[str, dict[int, list[str]]]:
    """As in Model, of the pointwise layers `lift`, `output` and, if need be, `lift_coefficients`.

    `lift` takes the channels of all frames, `output` gives those of all frames.
    """
    outputs = interface.slots("outputs")
    axes = {
        "lift.weight": {1: interface.slots("inputs")},
        "output.weight": {0: outputs},
        "output.bias": {0: outputs},
    }
    if interface.coefficients:
        axes["lift_coefficients.weight"] = {1: interface.slots("coefficients")}
    return axes
