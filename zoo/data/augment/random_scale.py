from typing import ClassVar

from zoo.data.augment.by_symmetry import BySymmetry


class RandomScale(BySymmetry):
    """u -> e^ε u, ε uniform in ±amplitude, where the equation is linear and has no source.

    That is, where it states the symmetry "amplitude"; a sample of another equation is left alone.

    Args:
        amplitude: largest |ε|.
        strict: as in BySymmetry.
        probability: as in Augmentation.
    """

    symmetry: ClassVar[str] = "amplitude"

    def __init__(
        self, amplitude: float = 0.5, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(amplitude, strict, probability)
        self.amplitude = amplitude

    def size(self, dimension: int) -> int:
        """As in Augmentation: the group's parameter."""
        return 1
