from torch import Tensor

from zoo.data.augment.augmentation import Acted, Augmentation, stated
from zoo.pde.evolution import Evolution


class RandomScaling(Augmentation):
    """u -> e^(αε) u, x -> e^(βε) x, t -> e^(γε) t, ε uniform in ±maximum, by "scaling".

    The exponents are those that the equation states, for KdV (2, -1, -3); a sample of another
    equation is left alone. The samples of u stay where they are on the grid, and the steps dx and
    dt of the batch change: a model that is told neither of them is shown data of another equation
    than its own, so this is for models and objectives that read `dx` and `dt`.

    Args:
        maximum: largest |ε|.
        strict: raise for an equation that lacks the symmetry.
        probability: as in Augmentation.

    Raises:
        ValueError: the data come without an equation, or `strict` and the symmetry is lacking.

    Source:
        Brandstetter, Welling & Worrall, ICML 2022 (arXiv 2202.07643).
    """

    def __init__(
        self, maximum: float = 0.2, strict: bool = False, probability: float = 1.0
    ) -> None:
        super().__init__(probability)
        if maximum < 0:
            raise ValueError(f"maximum={maximum} must not be negative")
        self.maximum, self.strict = maximum, strict

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
        symmetry = stated(self, equation, "scaling")
        if symmetry is None:
            return u, p, dx, dt
        return symmetry.act(u, times, p, dx, dt, self.maximum * (2 * drawn - 1))
