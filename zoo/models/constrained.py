from collections.abc import Callable
from typing import Any

from torch import Tensor

from zoo.models.base import BlockError, Interface
from zoo.models.field import Estimator, Field, listed
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.inner import inner_field
from zoo.models.parts.normaliser import Normaliser
from zoo.ops.jets import Jet
from zoo.ops.product_jet import ProductJet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.heat_ball import HeatBall


class Constrained(Field):
    """A field that meets what is known at sides and ends whatever its weights: u = g + b N.

    g takes the known values there and b vanishes; both are the equation's `ansatz`, in closed form.
    Derivatives follow from N's by the product rule, so that an estimator's come as cheap as N's.

    Shapes:
        as in Field.

    Units:
        N is u over the units of b.

    Args:
        interface: as in Field; its coordinates, parameters and outputs are the equation's.
        inner: N, any Field; in a recipe its interface is left out, and is this model's.
        equation: whose ansatz it is.

    Raises:
        BlockError: `inner` has another interface, or the equation has other columns.
        ValueError: the equation has no ansatz.

    Source:
        Lagaris, Likas & Fotiadis, IEEE Trans. Neural Netw. 9, 987 (1998).
    """

    def __init__(
        self,
        interface: Interface,
        inner: Field | Callable[[Interface], Field],
        *,
        equation: PointEquation,
    ) -> None:
        super().__init__()
        self.interface = interface
        self.equation = equation
        wanted = {
            "inputs": equation.coordinates,
            "coefficients": equation.parameters,
            "outputs": equation.outputs,
        }
        for name, names in wanted.items():
            if getattr(interface, name) != tuple(names):
                raise BlockError(
                    f"interface.{name}={listed(getattr(interface, name))}; the ansatz of "
                    f"{equation.name} is one of {listed(names)}: take the equation's own columns"
                )
        if type(equation).ansatz is PointEquation.ansatz:
            raise self._without()
        self.inner = inner_field(inner, interface)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        equation = HeatBall(2)
        region = tuple(equation.region.values())
        interface = Interface(equation.coordinates, equation.outputs, region=region)
        inner = MLP(interface, ByRegion(), width=8, layers=2)
        return {"interface": interface, "inner": inner, "equation": equation}

    @property
    def normaliser(self) -> Normaliser:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The inner model's."""
        return self.inner.normaliser

    def beyond(self, x: Tensor) -> Tensor:
        """As in Field: outside of the equation's domain, less what N averages over."""
        return (self.equation.distance(x) - self.inner.radius).clamp(min=0)

    @property
    def radius(self) -> float:
        """As in Field: N's, as g and b are known everywhere."""
        return self.inner.radius

    def forward(self, x: Tensor) -> Tensor:
        """As in Field."""
        self.check(x)
        known, factor = self._ansatz(x)
        return known.value + factor.value * self.inner(x)

    def jet(self, x: Tensor, by: Estimator | None = None) -> Jet:
        """As in Field; the estimator sees the inner field alone."""
        self.check(x)
        return ProductJet(*self._ansatz(x), self.inner.jet(x, by))

    def own_jet(self, x: Tensor) -> Jet:
        """As in Field."""
        return self.jet(x)

    def _ansatz(self, x: Tensor) -> tuple[Jet, Jet]:
        found = self.equation.ansatz(x)
        if found is None:
            raise self._without()
        return found

    def _without(self) -> ValueError:
        return ValueError(
            f"{self.equation.name} has no ansatz: there is no smooth g + b·N that meets what is "
            "known at its sides; train the inner model itself, with a term for the sides"
        )

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        return {f"inner.{name}": axes for name, axes in self.inner.channel_axes().items()}
