import torch
from torch import Tensor
from torch.func import jvp, vjp

from zoo.ops.mapped_jet import MappedJet


class VectorisedJet(MappedJet):
    """Second derivatives as forward derivatives of the reverse gradient, many coordinates at once.

    Args:
        as in MappedJet.
    """

    def _gradients(self, x: Tensor) -> Tensor:
        """∂u/∂x, (b, c, D), by one reverse pass an output."""
        value, pull, *_ = vjp(self._function, x)
        each = torch.eye(value.shape[1], dtype=value.dtype, device=value.device)
        return torch.stack([pull(one.expand_as(value))[0] for one in each], 1)

    def _along(self, x: Tensor, v: Tensor) -> Tensor:
        """∇∇u v, (b, c, D)."""
        return jvp(self._gradients, (x,), (v,))[1]

    def _second(self, x: Tensor, v: Tensor) -> Tensor:
        return (self._along(x, v) * v[:, None]).sum(-1)

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        return self._map(self._along, self._axes(None)).movedim(0, -2)[..., : self._size]
