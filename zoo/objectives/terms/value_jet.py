from collections.abc import Callable, Sequence

from torch import Tensor

from zoo.ops.jets import Jet


class ValueJet(Jet):
    """A field's values for terms that need nothing else: no estimator is asked for a derivative.

    Args:
        make: gives the values (b, c); called once, when they are first asked for.
    """

    def __init__(self, make: Callable[[], Tensor]) -> None:
        self._make = make
        self._value: Tensor | None = None

    @property
    def value(self) -> Tensor:
        """As in Jet."""
        if self._value is None:
            self._value = self._make()
        return self._value

    @property
    def gradient(self) -> Tensor:
        """As in Jet."""
        return self._none()

    def second(self, axes: Sequence[int] | None = None) -> Tensor:
        """As in Jet."""
        return self._none()

    @property
    def hessian(self) -> Tensor:
        """As in Jet."""
        return self._none()

    def derivative(self, *axes: int) -> Tensor:
        """As in Jet."""
        return self._none() if axes else self.value

    def _none(self) -> Tensor:
        raise NotImplementedError(
            "values alone are known here; set `derivatives` of the term that asks for more"
        )
