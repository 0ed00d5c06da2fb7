from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, stated
from zoo.pde.evolution import Evolution


class RandomScale(Augmentation):
    """u -> e^ε u, ε uniform in ±amplitude, where the equation is linear and has no source.

    That is, where it states the symmetry "amplitude"; a sample of another equation is left alone.

    Args:
        amplitude: largest |ε|.
        strict: raise for an equation that lacks the symmetry.
        probability: as in Augmentation.

    Raises:
        ValueError: the data come without an equation, or `strict` and the symmetry is lacking.
    """

    def __init__(
        self, amplitude: float = 0.5, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(probability)
        if amplitude < 0:
            raise ValueError(f"amplitude={amplitude} must not be negative")
        self.amplitude, self.strict = amplitude, strict

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
        symmetry = stated(self, equation, "amplitude")
        if symmetry is None:
            return u, p, dx, dt
        return symmetry.act(u, times, p, dx, dt, self.amplitude * (2 * drawn - 1))
