"""Our models and the nearest public ones, each built to take (b, frames, *n) to (b, 1, *n)."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.parts.affine import Affine


@dataclass(frozen=True)
class Peer:
    """A public model beside one of ours.

    Args:
        ours: module and class of our model below `zoo.models`.
        arguments: of our model.
        theirs: builds the peer for (frames, grid side); raises ImportError where it is not.
        name: package and class, and how it is set up.
        package: as `pip` names it.
    """

    ours: tuple[str, str]
    arguments: dict[str, Any]
    theirs: Callable[[int, int], nn.Module]
    name: str
    package: str


class Ours(nn.Module):
    """One of our models on (b, frames, *n)."""

    def __init__(self, peer: Peer, frames: int, n: int) -> None:
        super().__init__()
        module, name = peer.ours
        cls = getattr(importlib.import_module(f"zoo.models.{module}"), name)
        interface = Interface(("u",), ("u",), history=frames, box=(2.0, 2.0))
        grid = {"grid": n} if cls.resolution == "fixed" else {}
        self.net = cls(interface, Affine(), **peer.arguments, **grid)

    def forward(self, u: Tensor) -> Tensor:
        """As the peers."""
        return self.net(u[:, :, None])[:, 0]


def _found(path: str) -> type[nn.Module]:
    """The class of this path, of a package that imports timm; ImportError where it is not."""
    _torchvision()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _torchvision() -> None:
    """Declare two operators that torchvision lacks beside a CPU build of torch, and never calls.

    timm imports it, the peers import timm, and none of the models here uses either.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    KEPT.append(library)


KEPT: list[Any] = []


def unet_convnext(frames: int, n: int) -> nn.Module:
    """the_well's ConvNeXt U-Net: three stages, from 16 channels."""
    return _found("the_well.benchmark.models.UNetConvNext")(
        dim_in=frames,
        dim_out=1,
        n_spatial_dims=2,
        spatial_resolution=(n, n),
        stages=3,
        init_features=16,
    )


def unet_classic(frames: int, n: int) -> nn.Module:
    """the_well's classic U-Net: from 16 channels."""
    return _found("the_well.benchmark.models.UNetClassic")(
        dim_in=frames, dim_out=1, n_spatial_dims=2, spatial_resolution=(n, n), init_features=16
    )


def neuralop_fno(frames: int, n: int) -> nn.Module:
    """neuraloperator's FNO as shipped, 16 waves an axis."""
    fno = importlib.import_module("neuralop.models").FNO
    return fno(n_modes=(16, 16), in_channels=frames, out_channels=1, hidden_channels=32)


def neuralop_uno(frames: int, n: int) -> nn.Module:
    """neuraloperator's U-shaped operator: five layers, half the grid in the middle."""
    uno = importlib.import_module("neuralop.models").UNO
    return uno(
        in_channels=frames,
        out_channels=1,
        hidden_channels=32,
        lifting_channels=32,
        projection_channels=32,
        n_layers=5,
        uno_out_channels=[32, 64, 64, 64, 32],
        uno_n_modes=[[16, 16], [8, 8], [8, 8], [8, 8], [16, 16]],
        uno_scalings=[[1, 1], [0.5, 0.5], [1, 1], [2, 2], [1, 1]],
        channel_mlp_skip="linear",
    )


def nemo_fno(frames: int, n: int) -> nn.Module:
    """physicsnemo's FNO, 8 waves of each sign, without padding (the box is periodic)."""
    return _found("physicsnemo.models.fno.FNO")(
        in_channels=frames,
        out_channels=1,
        decoder_layers=1,
        decoder_layer_size=64,
        dimension=2,
        latent_channels=32,
        num_fno_layers=4,
        num_fno_modes=8,
        padding=0,
    )


class NemoDeepONet(nn.Module):
    """physicsnemo's DeepONet: a perceptron on every second point, a trunk on coordinates."""

    def __init__(self, frames: int, n: int) -> None:
        super().__init__()
        self.n = n
        self.net = _found("physicsnemo.experimental.models.xdeeponet.DeepONet")(
            branch1=perceptron(frames * (n // 2) ** 2, 256, 128),
            trunk=perceptron(2, 128, 128),
            dimension=2,
            width=128,
            out_channels=1,
            decoder_width=128,
            decoder_layers=0,
        )
        x = torch.arange(n) / n
        grid = torch.stack(torch.meshgrid(x, x, indexing="ij"), -1).flatten(0, 1)
        self.register_buffer("grid", grid)

    def forward(self, u: Tensor) -> Tensor:
        """As the others."""
        y = self.net(u[..., ::2, ::2].flatten(1), self.grid)
        return y[..., 0].view(-1, 1, self.n, self.n)


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Module:
    """Three hidden layers with SiLU."""
    sizes = [inputs, hidden, hidden, hidden]
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class NemoTransolver(nn.Module):
    """physicsnemo's Transolver on a grid: attention over slices, linear in points, as OFormer's."""

    def __init__(self, frames: int, n: int) -> None:
        super().__init__()
        self.net = _found("physicsnemo.models.transolver.Transolver")(
            functional_dim=frames,
            out_dim=1,
            n_layers=2,
            n_hidden=32,
            n_head=2,
            slice_num=32,
            structured_shape=(n, n),
            use_te=False,
            unified_pos=True,
            ref=4,
        )

    def forward(self, u: Tensor) -> Tensor:
        """As the others."""
        return self.net(u.movedim(1, -1)).movedim(-1, 1)


_UNET, _FNO = ("unet", "UNet"), (("fno", "FNO"), {"modes": 8})
_DEEPONET, _OFORMER = ("deeponet", "DeepONet"), ("oformer", "OFormer")
_NEMO = "nvidia-physicsnemo"
PEERS = [
    Peer(_UNET, {}, unet_convnext, "UNetConvNext, 3 stages from 16", "the_well"),
    Peer(
        _UNET,
        {"widths": (42, 84, 168), "patch": 1},
        unet_classic,
        "UNetClassic from 16",
        "the_well",
    ),
    Peer(*_FNO, neuralop_fno, "FNO, width 32, 16x16 waves", "neuraloperator"),
    Peer(*_FNO, neuralop_uno, "UNO, width 32 to 64", "neuraloperator"),
    Peer(*_FNO, nemo_fno, "FNO, width 32, 8 modes", _NEMO),
    Peer(_DEEPONET, {}, NemoDeepONet, "DeepONet of MLPs, width 128", _NEMO),
    Peer(_OFORMER, {"head_width": 32}, NemoTransolver, "Transolver, width 32, 2 layers", _NEMO),
]
