import functools

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.manufactured import Manufactured
from zoo.pde.points.pair_jet import PairJet


class Pairs(Manufactured):
    """d^(-½) Σ_i c_i sin(x_i + cos x_(i+1) + x_(i+1) cos x_i): neighbours that interact.

    The last coordinate's neighbour is the first. |c_i| lies between ½ and 3/2, its sign is random,
    so that the standard deviation on [-1, 1]^d is of order one in any dimension.

    Args:
        seed: of the amplitudes c.
    Source:
        The two-body term of Hu, Shukla, Karniadakis & Kawaguchi, arXiv 2307.12306, whose c_i are
        normal and whose domain is the unit ball, where a factor 1 - |x|² makes it zero at the
        sphere; that ball's points are all near its sphere and near a plane's in x_i.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def jet(self, x: Tensor) -> Jet:
        """As in Manufactured.

        Raises:
            ValueError: fewer than two coordinates.
        """
        if x.shape[1] < 2:
            raise ValueError(f"points of {x.shape[1]} coordinates: pairs need 2 or more")
        return PairJet(x, _amplitudes(self.seed, x.shape[1]).to(x.device))


@functools.lru_cache(maxsize=16)
# what is kept must serve a training step too, wherever it is first asked for
@torch.inference_mode(False)
def _amplitudes(seed: int, dimension: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    size, sign = torch.rand(2, dimension, dtype=torch.float64, generator=rng)
    return (0.5 + size) * torch.sign(sign - 0.5) / dimension**0.5
