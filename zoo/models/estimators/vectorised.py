from torch import Tensor

from zoo.models.estimators.counted import counted
from zoo.models.field import Estimator, Field
from zoo.ops.jets import Jet
from zoo.ops.vectorised_jet import VectorisedJet


class Vectorised(Estimator):
    """A reverse pass for the gradient, its forward derivatives by many coordinates at once.

    Exact, for any field. Its numbers do not depend on `chunk`.

    Args:
        chunk: coordinates at a time. Where that is not all, the backward pass makes them again, so
            that memory is that of one chunk; None takes all at once.

    Raises:
        ValueError: a chunk that is not positive.
    """

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = None if chunk is None else counted("chunk", chunk)

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator; exact."""
        weights, size = list(field.parameters()), len(field.interface.inputs)
        return VectorisedJet(field, x, size, weights=weights, chunk=self.chunk)
