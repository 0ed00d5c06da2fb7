from torch import Tensor

from zoo.models.estimators.counted import counted
from zoo.models.field import Estimator, Field
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.ops.forward_jet import ForwardJet
from zoo.ops.jets import Jet


class ForwardLaplacian(Estimator):
    """Value, first derivatives and Laplacian in one forward pass.

    Exact. For an MLP it is the closed form that its own jets use, see `laplacian` in zoo.ops: the
    Laplacian goes forward as one quantity, of no more directions than the first layer is wide. Any
    other field takes forward derivatives of forward derivatives.

    Args:
        chunk: coordinates at a time. Where that is not all, the backward pass makes them again, so
            that memory is that of one chunk. None keeps up to 1 GiB of an MLP's, and all of
            another field's.

    Raises:
        ValueError: a chunk that is not positive.

    Source:
        Li, Ye, Jiang and others, Nature Machine Intelligence 6 (2024, arXiv 2307.08214), where the
        Laplacian goes forward so; that directions are no more than the width is ours.
    """

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = None if chunk is None else counted("chunk", chunk)

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator; exact."""
        own = field.own_jet(x)
        if isinstance(own, PerceptronJet):
            own.chunk = self.chunk
            return own
        return forward_jet(field, x, self.chunk)


def forward_jet(field: Field, x: Tensor, chunk: int | None = None) -> ForwardJet:
    """Forward derivatives of forward derivatives, for any field."""
    weights, size = list(field.parameters()), len(field.interface.inputs)
    return ForwardJet(field, x, size, weights=weights, chunk=chunk)
