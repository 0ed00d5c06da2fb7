from abc import ABC, abstractmethod

from torch import Tensor

from zoo.ops.jets import Jet


class Manufactured(ABC):
    """A smooth function of any number of coordinates, which an equation's source is made for.

    Every coordinate matters, and neither an affine function nor one of the radius comes close: the
    best trivial predictor leaves more than a tenth in any dimension. Its size is of order one.

    Shapes:
        points x (b, d), every column a coordinate; value (b, 1).
    """

    @abstractmethod
    def jet(self, x: Tensor) -> Jet:
        """Value and derivatives at points, in closed form, in the precision of x."""
