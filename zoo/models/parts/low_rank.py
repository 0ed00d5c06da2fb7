"""Small changes of large weights: parametrisations that are zero at the start and merge at the end.

A weight that has one is `parametrizations.weight.original` in its module, which does not learn,
and `parametrizations.weight.0`, which does.
"""

import copy
import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from zoo.models.parts.low_rank_spectral import SpectralLowRank, refuse_rank
from zoo.models.parts.spectral import SpectralConv

POINTWISE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
CHANGE = ".parametrizations.weight."


class LowRank(nn.Module):
    """W + (s / r) B A: a pointwise layer's weights and a learnt change of rank r, 0 at the start.

    Autocast is left: the sum has the precision of W, so merging it gives the same bits.

    Shapes:
        weight, result: (outputs, inputs), or with trailing axes of length 1 as a convolution with
        kernel 1 has them; A: (r, inputs); B: (outputs, r).

    Args:
        weight: what it will be given, for its sizes and its precision.
        rank: r.
        scale: s. Divided by r, so that a step of Adam changes as much at every rank.

    Raises:
        ValueError: a rank below 1, or above what the weight can have.

    Source:
        Hu et al., ICLR 2022 (arXiv 2106.09685), equation 3 and section 4.1. A is normal with
        variance 1 / inputs instead of uniform.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        outputs, inputs = weight.shape[:2]
        refuse_rank(rank, inputs, outputs)
        self.factor = scale / rank
        self.down = nn.Parameter(weight.new_empty(rank, inputs).normal_(std=1 / math.sqrt(inputs)))
        self.up = nn.Parameter(weight.new_zeros(outputs, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weights."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (self.factor * self.up @ self.down).view_as(weight)


def changeable(net: nn.Module) -> list[str]:
    """Names of the weights that can have a change of low rank: pointwise and spectral ones."""
    return [
        f"{place}.weight".lstrip(".")
        for place, module in net.named_modules()
        if isinstance(module, SpectralConv) or _is_pointwise(module)
    ]


def _is_pointwise(module: nn.Module) -> bool:
    if not isinstance(module, POINTWISE) or parametrize.is_parametrized(module):
        return False
    if isinstance(module, nn.Linear):
        return True
    # a kernel of one cell that mixes all channels
    return math.prod(module.kernel_size) == 1 and module.groups == 1


def attach(net: nn.Module, names: Iterable[str], rank: int, scale: float) -> None:
    """Give these weights a change of low rank, drawn from torch's generator; they stop learning.

    Where a layer is narrower than `rank`, such as one with a single channel, its change has the
    rank that the layer can have.

    Args:
        net: any module; it keeps its function.
        names: some of `changeable(net)`.
        rank: of each change.
        scale: as in LowRank.
    """
    if rank < 1:
        raise ValueError(f"rank={rank} of a change of weights must be at least 1")
    for name in names:
        module = net.get_submodule(name.rpartition(".")[0])
        weight = module.get_parameter("weight")
        if isinstance(module, SpectralConv):
            able = min(rank, module.inputs, module.outputs)
            change: nn.Module = SpectralLowRank(weight.detach(), able, scale)
        else:
            change = LowRank(weight.detach(), min(rank, *weight.shape[:2]), scale)
        weight.requires_grad_(False)
        parametrize.register_parametrization(module, "weight", change)


def plain(name: str) -> str:
    """The name that a parameter of a net with changes belongs to in the net without."""
    return name.partition(CHANGE)[0] + ".weight" if CHANGE in name else name


def is_change(name: str) -> bool:
    """Whether a parameter is part of a change of low rank."""
    return CHANGE in name and not name.endswith(".original")


@torch.no_grad()
def merged(net: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of a net with changes as that of the net without: each weight with its change.

    Args:
        net: it gives the structure, and stays as it is.
        state: of that structure; on any device.
    """
    if not any(CHANGE in name for name in state):
        return dict(state)
    whole = copy.deepcopy(net).cpu()
    whole.load_state_dict({name: value.cpu() for name, value in state.items()})
    # parametrisations are not removed: a copy has its class from the net, which would lose them too
    found = {}
    for name, value in whole.state_dict().items():
        if is_change(name):
            continue
        if CHANGE in name:
            value = whole.get_submodule(name.partition(CHANGE)[0]).weight
        found[plain(name)] = value
    return found
