from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, stated
from zoo.pde.evolution import Evolution


class RandomGalilean(Augmentation):
    """u(x, t) -> u(x - c v t, t) + v, v uniform in ±speed, where the equation states "galilean".

    Burgers and KdV do; c is the factor before u·grad u. A sample of another equation is left alone.
    The field gains the mean v: data whose mean was zero no longer have it.

    Units:
        v and `speed` are in the units of u.

    Args:
        speed: largest |v|.
        strict: raise for an equation that lacks the symmetry.
        probability: as in Augmentation.

    Raises:
        ValueError: the data come without an equation, or `strict` and the symmetry is lacking.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643).
    """

    def __init__(self, speed: float = 0.5, strict: bool = False, probability: float = 1.0) -> None:
        super().__init__(probability)
        if speed < 0:
            raise ValueError(f"speed={speed} must not be negative")
        self.speed, self.strict = speed, strict

    def size(self, dimension: int) -> int:
        """As in Augmentation: the group's parameter."""
        return 1

    def change(
        self,
        u: Tensor,
        times: Tensor,
        p: Tensor,
        dx: Tensor,
        dt: Tensor,
        equation: Evolution | None,
        drawn: Tensor,
    ) -> Acted:
        """As in Augmentation."""
        symmetry = stated(self, equation, "galilean")
        if symmetry is None:
            return u, p, dx, dt
        return symmetry.act(u, times, p, dx, dt, self.speed * (2 * drawn - 1))
