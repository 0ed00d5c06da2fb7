from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, stated
from zoo.pde.evolution import Evolution
from zoo.pde.symmetry import Shift


class RandomShift(Augmentation):
    """u(x, t) -> u(x - s, t), periodic and by Fourier; s uniform in ±fraction sides, each axis.

    Of equations, those that state the symmetry "shift"; a sample of another is left alone. Data
    without an equation are taken to be periodic and free of a fixed source: that is the user's
    word.

    Args:
        fraction: of the side length.
        strict: raise for an equation that lacks the symmetry.
        probability: as in Augmentation.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643). The released code of Zhou et
        al., arXiv 2406.08473, moves the last axis alone, by one fixed amount, interpolating
        linearly.
    """

    def __init__(
        self, fraction: float = 0.5, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(probability)
        if fraction < 0:
            raise ValueError(f"fraction={fraction} must not be negative")
        self.fraction, self.strict = fraction, strict

    def size(self, dimension: int) -> int:
        """As in Augmentation: a length for each axis."""
        return dimension

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
        symmetry = Shift() if equation is None else stated(self, equation, "shift")
        if symmetry is None:
            return u, p, dx, dt
        sides = dx * dx.new_tensor(u.shape[3:])
        return symmetry.act(u, times, p, dx, dt, self.fraction * (2 * drawn - 1) * sides)
