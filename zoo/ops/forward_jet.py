import torch.nn.functional as F
from torch import Tensor
from torch.func import jvp

from zoo.ops.mapped_jet import MappedJet


class ForwardJet(MappedJet):
    """Second derivatives along directions as forward derivatives of forward ones.

    Args:
        as in MappedJet.
    """

    def _second(self, x: Tensor, v: Tensor) -> Tensor:
        def slope(at: Tensor) -> Tensor:
            return jvp(self._function, (at,), (v,))[1]

        return jvp(slope, (x,), (v,))[1]

    def twice(self, directions: Tensor, shares: Tensor | None = None) -> Tensor:
        """Σ_k w_k v_k·∇∇u v_k, (b, c); as in PerceptronJet."""
        found = self._map(self._second, directions)
        return found.sum(0) if shares is None else (found * shares[..., None]).sum(0)

    def twice_by(self, places: Tensor, shares: Tensor | None = None) -> Tensor:
        """The same along coordinates; as in PerceptronJet."""
        return self.twice(F.one_hot(places, self._size).to(self._x.dtype), shares)
