import torch
from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, State
from zoo.pde.evolution import Evolution


class Noise(Augmentation):
    """u -> u + level σ η: white Gaussian η, σ the sample's standard deviation in each channel.

    No symmetry: the frames, targets among them, are off the solution by `level`. Any data will do.

    Args:
        level: of the noise, relative.
        probability: as in Augmentation.

    Source:
        Zhou et al., arXiv 2406.08473 (level not stated there; the released code has 1e-7).
    """

    def __init__(self, level: float = 1e-3, probability: float = 1.0) -> None:
        super().__init__(probability)
        if level < 0:
            raise ValueError(f"level={level} must not be negative")
        self.level = level

    def size(self, dimension: int) -> int:
        """As in Augmentation: a seed."""
        return 1

    def change(self, state: State, equation: Evolution | None, drawn: Tensor) -> Acted:
        """As in Augmentation."""
        u, rows = state[0], []
        for seed in drawn[:, 0].tolist():
            rng = torch.Generator().manual_seed(int(seed * 2**53))
            rows.append(torch.randn(u.shape[1:], generator=rng, dtype=u.dtype))
        space = (1, *range(3, u.ndim))
        deviation = u.std(space, correction=0, keepdim=True)
        return u + self.level * deviation * torch.stack(rows), *state[2:]
