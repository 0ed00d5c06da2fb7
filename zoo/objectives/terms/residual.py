from typing import Any

from torch import Tensor

from zoo.models.field import Field
from zoo.objectives.terms.term import Term, mean_square
from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation


class Residual(Term):
    """R(x, û, ∂û, ...)², averaged over equations: the physics-informed term.

    Of an estimator's jet the mean of R² over draws is R² plus the variance of R, which pulls the
    optimum to small derivatives. So R(a)·R(b) of the jet's two independent halves is taken: its
    mean is R², and it may be below zero.

    Args:
        part: as in Term.
        weight: as in Term.
        biased: take R² of an estimator's whole jet: less noise, around the wrong mean.

    Source:
        Hu, Yang, Wang, Karniadakis, Kawaguchi, Bias-variance trade-off in physics-informed neural
        networks with randomized smoothing for high-dimensional PDEs (arXiv 2311.15283).
    """

    def __init__(
        self, part: str = "interior", weight: float = 1.0, *, biased: bool = False
    ) -> None:
        super().__init__(part, weight)
        self.biased = biased

    def forward(
        self, model: Field, jet: Jet, part: dict[str, Any], equation: PointEquation
    ) -> Tensor:
        """As in Term."""
        x = part["x"]
        if jet.exact or self.biased:
            return mean_square(equation.residual(x, jet))
        one, other = (equation.residual(x, half) for half in jet.halves())
        return (one * other).mean(-1)
