from typing import ClassVar

from zoo.data.augment.by_symmetry import BySymmetry


class RandomScaling(BySymmetry):
    """u -> e^(αε) u, x -> e^(βε) x, t -> e^(γε) t, ε uniform in ±maximum, by "scaling".

    The exponents are those that the equation states, for KdV (2, -1, -3); a sample of another
    equation is left alone. The samples of u stay where they are on the grid, and the steps dx and
    dt of the batch change: a model that is told neither of them is shown data of another equation
    than its own, so this is for models and objectives that read `dx` and `dt`.

    Args:
        maximum: largest |ε|.
        strict: as in BySymmetry.
        probability: as in Augmentation.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643).
    """

    symmetry: ClassVar[str] = "scaling"

    def __init__(
        self, maximum: float = 0.2, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(maximum, strict, probability)
        self.maximum = maximum

    def size(self, dimension: int) -> int:
        """As in Augmentation: the group's parameter."""
        return 1
