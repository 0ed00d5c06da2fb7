"""Nonlinearities of networks that are differentiated by their inputs, by name."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "sine": torch.sin,
    "silu": F.silu,
    "gelu": F.gelu,
}
