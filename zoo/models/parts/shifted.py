import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from zoo.models.field import Field
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.unscaled import Unscaled


class Shifted:
    """A field at points and at points beside them: f(x) and f(x ± δ).

    Args:
        field: f.
        x: (b, D); shifts are of the coordinates, its first columns.
    """

    def __init__(self, field: Field, x: Float[Tensor, "b columns"]) -> None:
        self.field, self.x = field, x

    def here(self) -> Float[Tensor, "b c"]:
        """f(x)."""
        return self.field(self.x)

    def there(self, shift: Float[Tensor, "*own m d"], both: bool) -> Float[Tensor, "b s m c"]:
        """f(x + δ), then f(x - δ) where `both`, for all points' or each point's own shifts δ."""
        padded = F.pad(_signed(shift, both), (0, self.x.shape[1] - shift.shape[-1]))
        rows = self.x[:, None, None] + padded
        return self.field(rows.flatten(0, 2)).unflatten(0, rows.shape[:3])


class ShiftedPerceptron(Shifted):
    """The same of an MLP, whose first layer is linear: W(x + δ) + v is (Wx + v) + Wδ.

    Of shifts that all points share, Wδ costs nothing beside the rest, and the b m points x + δ are
    never written down.
    """

    field: MLP

    def __init__(self, field: MLP, x: Float[Tensor, "b columns"]) -> None:
        super().__init__(field, x)
        scale = field.normaliser
        assert isinstance(scale, Unscaled | ByRegion)
        self._first = scale.scaled(field.linear[0].weight, len(field.interface.inputs))
        self._z = field.linear[0](scale.encode(x, None)[0])

    def here(self) -> Tensor:
        """As in Shifted."""
        return self._rest(self._z)

    def there(self, shift: Tensor, both: bool) -> Tensor:
        """As in Shifted."""
        return self._rest(self._z[:, None, None] + _signed(F.linear(shift, self._first), both))

    def _rest(self, z: Tensor) -> Tensor:
        linear = self.field.linear
        for i in range(1, self.field.layers + 1):
            z = linear[i](linear.curve(z))
        return z


def shifted(field: Field, x: Float[Tensor, "b columns"]) -> Shifted:
    """The cheapest way to evaluate a field beside points."""
    if type(field) is MLP and isinstance(field.normaliser, Unscaled | ByRegion):
        return ShiftedPerceptron(field, x)
    return Shifted(field, x)


def _signed(shift: Tensor, both: bool) -> Tensor:
    """(1 or b, s, m, n) of (m, n) or (b, m, n)."""
    own = shift if shift.ndim == 3 else shift[None]
    return torch.stack([own, -own], 1) if both else own[:, None]
