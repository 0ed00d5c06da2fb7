import torch
from torch import Tensor

from zoo.ops.jets import AutogradJet


class ProductsJet(AutogradJet):
    """Besides, products with the Hessian: one reverse pass over the gradient each.

    Args:
        as in AutogradJet.
    """

    def product(self, direction: Tensor) -> Tensor:
        """∇∇u v with a direction of each point's own, (b, d): (b, c, d)."""
        with torch.inference_mode(False), torch.enable_grad():
            # a copy, as it may have been drawn under inference mode
            slopes = (self._all(()) * direction.clone()[:, None]).sum(-1)
            found = torch.stack([self._row(one) for one in slopes.unbind(1)], 1)
        return self._out(found)
