from torch import Tensor

from zoo.models.field import Estimator, Field
from zoo.ops.jets import AutogradJet, Jet


class Nested(Estimator):
    """Nested automatic differentiation: a reverse pass for the gradient, then one a coordinate.

    The baseline of the papers on many dimensions: a Laplacian costs d passes over a graph that
    holds all of them until the backward pass.
    """

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator; exact."""
        return AutogradJet(field, x, len(field.interface.inputs))
