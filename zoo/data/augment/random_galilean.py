from typing import ClassVar

from zoo.data.augment.by_symmetry import BySymmetry


class RandomGalilean(BySymmetry):
    """u(x, t) -> u(x - c v t, t) + v, v uniform in ±speed, where the equation states "galilean".

    Burgers and KdV do; c is the factor before u·grad u. A sample of another equation is left alone.
    The field gains the mean v: data whose mean was zero no longer have it.

    Units:
        v and `speed` are in the units of u.

    Args:
        speed: largest |v|.
        strict: as in BySymmetry.
        probability: as in Augmentation.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643).
    """

    symmetry: ClassVar[str] = "galilean"

    def __init__(self, speed: float = 0.5, strict: bool = False, probability: float = 1.0) -> None:
        super().__init__(speed, strict, probability)
        self.speed = speed

    def size(self, dimension: int) -> int:
        """As in Augmentation: the group's parameter."""
        return 1
