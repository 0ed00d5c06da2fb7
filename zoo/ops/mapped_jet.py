from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import vmap

from zoo.ops.derivatives import load_rules
from zoo.ops.jets import AutogradJet
from zoo.ops.recompute import recomputed


class MappedJet(AutogradJet):
    """Derivatives along many directions at once, by `torch.func.vmap`.

    Where they are made in several pieces, nothing of a piece is kept for the backward pass, which
    makes it again: memory is that of one.

    Args:
        function: as in AutogradJet; nothing in it is drawn at random.
        x: as in AutogradJet.
        coordinates: as in AutogradJet.
        weights: tensors that the function uses besides and that gradients may reach.
        chunk: directions in a piece; None takes all at once.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        x: Tensor,
        coordinates: int,
        *,
        weights: Sequence[Tensor] = (),
        chunk: int | None = None,
    ) -> None:
        super().__init__(function, x, coordinates)
        self._function, self._x, self._chunk = function, x, chunk
        self._seconds: dict[tuple[int, ...] | None, Tensor] = {}
        self._weights = [one for one in weights if one.requires_grad]

    @abstractmethod
    def _second(self, x: Tensor, v: Tensor) -> Tensor:
        """v·∇∇u v, (b, c), at points with directions."""

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        key = None if axes is None else tuple(axes)
        if key not in self._seconds:
            self._seconds[key] = self._map(self._second, self._axes(axes)).movedim(0, -1)
        return self._seconds[key]

    def _map(self, one: Callable[[Tensor, Tensor], Tensor], directions: Tensor) -> Tensor:
        """one(x, v) for each direction v of (m, 1 or b, d), stacked along the first axis.

        Both have x's columns: directions have zeros for the parameters.
        """
        load_rules()
        # recorded even where no gradients are wanted: else torch takes the slope of silu by a
        # kernel that has no forward derivative
        with torch.inference_mode(False), torch.enable_grad():
            x = self._x.clone()
            wide = F.pad(directions, (0, x.shape[1] - self._size)).clone()
            parts = wide.split(self._chunk or max(1, len(wide)))
            whole = not self._keep or len(parts) == 1
            found = []
            for part in parts:

                def function(at: Tensor, part: Tensor = part) -> Tensor:
                    return vmap(lambda v: one(at, v.expand_as(at)))(part)

                values = function(x) if whole else recomputed(function, x, self._weights)
                found.append(self._out(values))
            return torch.cat(found)

    def _axes(self, axes: Sequence[int] | None) -> Tensor:
        """Unit vectors along coordinates, (m, 1, d)."""
        wanted = list(range(self._size) if axes is None else axes)
        return torch.eye(self._size, dtype=self._x.dtype, device=self._x.device)[wanted][:, None]
