from typing import ClassVar

from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, State
from zoo.pde.evolution import Evolution
from zoo.pde.symmetry import Symmetry


class BySymmetry(Augmentation):
    """An augmentation by a symmetry that the equation states, its parameters uniform in ±extent.

    A sample of an equation that lacks the symmetry is left alone.

    Args:
        extent: largest group parameter.
        strict: raise for an equation that lacks the symmetry.
        probability: as in Augmentation.

    Raises:
        ValueError: the data come without an equation, or `strict` and the symmetry is lacking.
    """

    symmetry: ClassVar[str]

    def __init__(self, extent: float, strict: bool, probability: float) -> None:
        super().__init__(probability)
        if extent < 0:
            raise ValueError(f"{type(self).__name__}({extent}) must not be negative")
        self.extent, self.strict = extent, strict

    def change(self, state: State, equation: Evolution | None, drawn: Tensor) -> Acted:
        """As in Augmentation."""
        symmetry = self.stated(equation)
        if symmetry is None:
            return state[0], *state[2:]
        return symmetry.act(*state, self.extent * (2 * drawn - 1) * self.unit(state))

    def unit(self, state: State) -> Tensor:
        """What `extent` is measured in, (b, 1) or (b, size)."""
        return state[0].new_ones(len(state[0]), 1)

    def stated(self, equation: Evolution | None) -> Symmetry | None:
        """The symmetry, if the equation states it."""
        own = type(self).__name__
        if equation is None:
            raise ValueError(
                f"{own} needs an equation that states the symmetry {self.symmetry!r}, and these "
                "data come without one; leave it out, or use Noise or RandomShift"
            )
        if self.symmetry not in equation.symmetries and self.strict:
            raise ValueError(
                f"{own}(strict=True): {equation.name} lacks the symmetry {self.symmetry!r}; it has "
                f"{sorted(equation.symmetries)}"
            )
        return equation.symmetries.get(self.symmetry)
