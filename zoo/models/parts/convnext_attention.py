import math

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module):
    """h + W softmax(q kᵀ / √d) v over all cells, q, k, v linear in norm(h), in several heads.

    No positions: cells are told apart by what they hold, so a shift of the field shifts the result.
    Memory and time grow with the square of the number of cells.

    Shapes:
        h, result: (b, *n, channels).

    Args:
        channels: channels in and out.
        heads: parts into which the channels are cut.

    Raises:
        ValueError: the heads do not divide the channels.

    Source:
        Vaswani et al., NeurIPS 2017 (arXiv 1706.03762), section 3.2, with the norm first. Written
        out, because the fused product has no forward-mode derivative on the CPU.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(
                f"attention={heads} heads must divide the {channels} channels of the coarsest "
                "level; change one of them"
            )
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.look = nn.Linear(channels, 3 * channels, bias=False)
        self.output = nn.Linear(channels, channels)

    def forward(self, h: Float[Tensor, "b *n channels"]) -> Float[Tensor, "b *n channels"]:
        """The field and what its cells see of each other."""
        tokens = self.look(self.norm(h.flatten(1, -2)))
        q, k, v = rearrange(
            tokens, "b m (three heads d) -> three b heads m d", three=3, heads=self.heads
        )
        seen = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v
        return h + self.output(rearrange(seen, "b heads m d -> b m (heads d)")).view(h.shape)
