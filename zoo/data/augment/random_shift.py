from typing import ClassVar

from torch import Tensor

from zoo.data.augment.augmentation import State
from zoo.data.augment.by_symmetry import BySymmetry
from zoo.pde.evolution import Evolution
from zoo.pde.symmetry import Shift, Symmetry


class RandomShift(BySymmetry):
    """u(x, t) -> u(x - s, t), periodic and by Fourier; s uniform in ±fraction sides, each axis.

    Of equations, those that state the symmetry "shift"; a sample of another is left alone. Data
    without an equation are taken to be periodic and free of a fixed source: that is the user's
    word.

    Args:
        fraction: of the side length.
        strict: as in BySymmetry.
        probability: as in Augmentation.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643). The released code of Zhou et
        al., arXiv 2406.08473, moves the last axis alone, by one fixed amount, interpolating
        linearly.
    """

    symmetry: ClassVar[str] = "shift"

    def __init__(
        self, fraction: float = 0.5, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(fraction, strict, probability)
        self.fraction = fraction

    def size(self, dimension: int) -> int:
        """As in Augmentation: a length for each axis."""
        return dimension

    def unit(self, state: State) -> Tensor:
        """As in BySymmetry: side lengths."""
        return state[3] * state[3].new_tensor(state[0].shape[3:])

    def stated(self, equation: Evolution | None) -> Symmetry | None:
        """As in BySymmetry, but data without an equation shift too."""
        return Shift() if equation is None else super().stated(equation)
