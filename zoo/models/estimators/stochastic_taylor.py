import torch
from torch import Tensor

from zoo.models.estimators.counted import counted
from zoo.models.estimators.forward_laplacian import forward_jet
from zoo.models.field import Estimator, Field
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.ops.draws import Coordinates, Directions, signs
from zoo.ops.jets import Jet
from zoo.ops.traced_jet import Draw, TracedJet

KINDS = ("coordinates", "gaussian", "random")


class StochasticTaylor(Estimator):
    """Δu ≈ mean of d²u(x + sv)/ds² over random directions v, by Taylor expansions going forward.

    Unbiased; value and gradient are exact. An MLP carries the first derivatives along all v and
    their squares' sum; other fields take forward derivatives of forward derivatives.

    Args:
        directions: how many, m.
        kind: "random" is signs in all coordinates (of one direction the variance is that of
            Hutchinson), "gaussian" standard normal numbers (larger by 2 Σ_i (∂²u/∂x_i²)²);
            "coordinates" takes m of the d second derivatives, none twice, times d/m: the variance
            is d² (1/m - 1/d) times that among the d.
        shared: one set of directions for all points rather than one for each: a little faster, but
            the points' errors then add up in a loss instead of averaging out.

    Raises:
        ValueError: no directions, or an unknown kind.

    Source:
        Shi, Hu, Lin and Kawaguchi, NeurIPS 2024 (arXiv 2412.00088); coordinates as in Hu, Shukla,
        Karniadakis and Kawaguchi, Neural Networks 176 (2024, arXiv 2307.12306).
    """

    def __init__(self, directions: int = 16, kind: str = "random", *, shared: bool = False) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}; it is one of {KINDS}")
        self.directions, self.kind, self.shared = counted("directions", directions), kind, shared

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator."""
        own = field.own_jet(x)
        base = own if isinstance(own, PerceptronJet) else forward_jet(field, x)
        points, like = 1 if self.shared else len(x), x[:, : len(field.interface.inputs)]

        def draw(count: int) -> Draw:
            size = like.shape[1]
            if self.kind == "coordinates":
                return Coordinates(base, count, points, like)
            if self.kind == "random":
                return Directions(base, signs(count, points, x, size))
            v = torch.randn(count, points, size, dtype=x.dtype, device=x.device)
            return Directions(base, v)

        return TracedJet(base, draw, self.directions, "directions")
