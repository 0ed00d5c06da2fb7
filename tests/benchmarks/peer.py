"""neuraloperator 2.0.0's FNO, built to be the same function as ours, and the map of weights."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine


class EveryOther:
    """gelu on the first call, nothing on the second, gelu on the third, and so on.

    Without channel MLP, neuraloperator 2.0.0 applies its nonlinearity twice in each block
    (`FNOBlocks.forward_with_postactivation`); this takes the second away, in their favour.
    """

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return F.gelu(x) if self.calls % 2 else x


def theirs(width: int, kept: Sequence[int], layers: int = 4, once: bool = True) -> nn.Module:
    """Their FNO without what ours has not: coordinates, channel MLPs, a lifting MLP.

    Args:
        width: hidden channels.
        kept: their `n_modes`: waves kept for each axis, both signs counted.
        layers: Fourier blocks; with an even number of calls per forward `EveryOther` would drift.
        once: gelu once a block, as ours; False leaves their block as it is.
    """
    from neuralop.models import FNO as Peer

    return Peer(
        n_modes=tuple(kept),
        in_channels=1,
        out_channels=1,
        hidden_channels=width,
        n_layers=layers,
        lifting_channel_ratio=0,
        projection_channel_ratio=2,
        positional_embedding=None,
        use_channel_mlp=False,
        fno_skip="linear",
        non_linearity=EveryOther() if once else F.gelu,
    )


def reset(peer: nn.Module) -> None:
    """Start `EveryOther` anew: a forward makes an odd number of calls."""
    if isinstance(peer.non_linearity, EveryOther):
        peer.non_linearity.calls = 0


def ours(width: int, kept: Sequence[int], layers: int = 4) -> FNO:
    """Our FNO with the same waves: -m/2 ... m/2-1, and 0 ... m/2 on the last axis."""
    modes = [m // 2 for m in kept[:-1]] + [kept[-1] // 2 + 1]
    interface = Interface(inputs=("f",), outputs=("u",), box=(1.0,) * len(kept))
    return FNO(interface, Affine(), width=width, modes=modes, layers=layers)


def translate(peer: nn.Module) -> dict[str, Tensor]:
    """Their weights under our names and in our order."""
    found = peer.state_dict()
    state = {
        "lift.weight": found["lifting.fcs.0.weight"][..., 0],
        "lift.bias": found["lifting.fcs.0.bias"],
        "hidden.weight": found["projection.fcs.0.weight"][..., 0],
        "hidden.bias": found["projection.fcs.0.bias"],
        "output.weight": found["projection.fcs.1.weight"][..., 0],
        "output.bias": found["projection.fcs.1.bias"],
    }
    for i, conv in enumerate(peer.fno_blocks.convs):
        weight = conv.weight.tensor.detach()  # (in, out, k_first, ..., k_last), -m/2 first
        last = weight.ndim - 1
        weight = weight.permute(last, *range(2, last), 0, 1)
        state[f"spectral.{i}.weight"] = torch.view_as_real(weight).contiguous()
        state[f"spectral.{i}.bias"] = conv.bias.detach().flatten()
        state[f"bypass.{i}.weight"] = found[f"fno_blocks.fno_skips.{i}.conv.weight"][..., 0]
    return state


def pair(width: int, kept: Sequence[int], once: bool = True) -> tuple[FNO, nn.Module]:
    """Ours and theirs with the same weights."""
    torch.manual_seed(0)
    peer, net = theirs(width, kept, once=once), ours(width, kept)
    net.load_state_dict(net.state_dict() | translate(peer))
    return net, peer


def call(net: nn.Module, u: Tensor) -> Tensor:
    """Either of the two on (b, c, *n)."""
    if isinstance(net, FNO):
        return net(u[:, :, None])[:, :, 0]
    reset(net)
    return net(u)
