import functools
import math

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.manufactured import Manufactured
from zoo.pde.points.ridge_jet import RidgeJet, sine

Terms = tuple[Tensor, Tensor, Tensor]


class Ridges(Manufactured):
    """Σ_k c_k sin(w_k·x + φ_k): a few plane waves along directions that no axis is near to.

    Every |w_ki| lies within a factor of three of the others of its wave, so that each coordinate
    matters; |w_k| does not depend on the dimension and runs from ¾ to 5/4 of `frequency`, so that
    Δu is no multiple of u. On the cube [-1, 1]^d a phase w·x has the standard deviation |w|/√3, on
    a normal law |w|.

    Args:
        count: how many waves.
        seed: of directions, phases and amplitudes.
        frequency: the mean of |w_k|.
    """

    def __init__(self, count: int = 5, seed: int = 0, *, frequency: float = 2.0) -> None:
        if count < 1 or not frequency > 0:
            raise ValueError(
                f"count={count}, frequency={frequency}: at least one wave, of a positive frequency"
            )
        self.count = count
        self.seed = seed
        self.frequency = frequency

    def terms(self, like: Tensor, dimension: int) -> Terms:
        """Weights w (k, d), phases φ (k,), amplitudes c (k,), float64, on a tensor's device."""
        weights, phases, amplitudes = _drawn(self.count, self.seed, self.frequency, dimension)
        return weights.to(like.device), phases.to(like.device), amplitudes.to(like.device)

    def jet(self, x: Tensor) -> Jet:
        """As in Manufactured."""
        weights, shifts, amplitudes = self.terms(x, x.shape[1])
        return RidgeJet(x, sine, weights=weights, shifts=shifts, amplitudes=amplitudes)


@functools.lru_cache(maxsize=16)
# what is kept must serve a training step too, wherever it is first asked for
@torch.inference_mode(False)
def _drawn(count: int, seed: int, frequency: float, dimension: int) -> Terms:
    rng = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, dtype=torch.float64, generator=rng)

    weights = (0.5 + uniform(count, dimension)) * torch.sign(uniform(count, dimension) - 0.5)
    lengths = torch.linspace(0.75, 1.25, count, dtype=torch.float64) if count > 1 else 1.0
    weights = weights * (frequency * lengths / weights.norm(dim=1))[:, None]
    amplitudes = 0.5 + uniform(count)
    return weights, 2 * math.pi * uniform(count), amplitudes / amplitudes.norm()
