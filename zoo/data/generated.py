from collections.abc import Mapping

from zoo.data.fields import FieldSet
from zoo.pde.equation import Equation
from zoo.pde.evolution import Evolution


class Generated(FieldSet):
    """Solutions of an equation on a periodic box, generated from a seed.

    A subclass says what is drawn and stored. The splits have seeds of their own, so a larger
    training set does not change the test set.

    Args:
        equation: what is solved.
        grid: points per side.
        train: samples of this split; so are the next two.
        validation: see train.
        test: see train.
        seed: of all that is drawn.

    Raises:
        ValueError: a count or the grid makes no sense.
    """

    def __init__(
        self,
        equation: Equation | Evolution,
        grid: int,
        *,
        train: int,
        validation: int,
        test: int,
        seed: int,
    ) -> None:
        if min(train, validation, test) < 0 or grid < 4:
            raise ValueError(
                f"grid={grid}, train={train}, validation={validation}, test={test}: "
                "a grid of at least 4 points and counts that are not negative"
            )
        self.equation = equation
        self.grid = grid
        self.train = train
        self.validation = validation
        self.test = test
        self.seed = seed

    @property
    def name(self) -> str:
        """As in FieldSet: the equation's."""
        return self.equation.name

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.equation.coefficients

    @property
    def units(self) -> Mapping[str, str]:
        """As in FieldSet."""
        return self.equation.units

    @property
    def boundary(self) -> str:
        """As in FieldSet."""
        return "periodic"

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """As in FieldSet."""
        return self.equation.ranges

    def count(self, split: str) -> int:
        """As in FieldSet."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]

    def shape(self) -> tuple[int, ...]:
        """As in FieldSet."""
        return (self.grid,) * len(self.box)
