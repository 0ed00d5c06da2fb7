import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from zoo.models.parts.convnext_depthwise import Depthwise

EXPANSION = 4


class ConvNeXt(nn.Module):
    """h + W2 gelu(W1 ((1 + s) norm(K h) + m)): neighbours, then channels, added to what was.

    K is a depthwise convolution, norm a LayerNorm over channels, W1 widens `EXPANSION`-fold, and
    s, m are linear in the coefficients p (0 without any).

    Shapes:
        h, result: (b, *n, channels); p: (b, coefficients).

    Args:
        channels: channels in and out.
        kernel: as in Depthwise.
        dimension: as in Depthwise.
        boundary: as in Depthwise.
        coefficients: how many condition the block; 0 for none.

    Source:
        Liu et al., CVPR 2022 (arXiv 2201.03545), figure 4. Without its layer scale, which starts at
        1e-6 for nets of some thirty blocks; here there are few. Scale and shift as in Perez et al.,
        AAAI 2018 (arXiv 1709.07871).
    """

    def __init__(
        self, channels: int, kernel: int, dimension: int, boundary: str, coefficients: int = 0
    ) -> None:
        super().__init__()
        self.spatial = Depthwise(channels, kernel, dimension, boundary)
        self.norm = nn.LayerNorm(channels)
        self.condition = None
        if coefficients:
            self.condition = nn.Linear(coefficients, 2 * channels, bias=False)
        self.widen = nn.Linear(channels, EXPANSION * channels)
        self.narrow = nn.Linear(EXPANSION * channels, channels)

    def forward(
        self, h: Float[Tensor, "b *n channels"], p: Float[Tensor, "b coefficients"] | None
    ) -> Float[Tensor, "b *n channels"]:
        """The block's output."""
        y = self.norm(self.spatial(h))
        if self.condition is not None:
            wide = (len(y), *(1,) * (y.ndim - 2), -1)
            factor, shift = self.condition(p).view(wide).chunk(2, -1)
            y = y * (1 + factor) + shift
        return h + self.narrow(F.gelu(self.widen(y)))
