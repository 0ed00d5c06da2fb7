import torch
from torch import Tensor

from zoo.data.targets.target import Target, checked, taken
from zoo.models.base import Model
from zoo.models.field import Field
from zoo.pde.points.equation import PointEquation

ROWS = 10_000


class Distilled(Target):
    """What a trained teacher says: its values and its own derivatives, computed once, detached.

    Args:
        teacher: a released field; in a recipe the block `zoo.from_pretrained` with the release.
        orders: 0 for values, 1 for gradients, 2 for Hessians.
    """

    def __init__(self, teacher: Model, orders: tuple[int, ...] = (0, 1)) -> None:
        if not isinstance(teacher, Field):
            raise ValueError(
                f"the teacher is {type(teacher).__name__}, no Field; distil from a function of "
                "points"
            )
        self.teacher = teacher.eval().requires_grad_(False)
        self.orders = checked(orders)

    def __call__(
        self, equation: PointEquation, x: Tensor, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """As in Target.

        Raises:
            ValueError: the teacher is of another problem, or a point lies outside its region.
        """
        self._check(equation, x)
        like = next(self.teacher.parameters())
        with torch.no_grad():
            parts = [taken(self.teacher.jet(rows.to(like)), self.orders) for rows in x.split(ROWS)]
        joined = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
        return {key: value.double().cpu() for key, value in joined.items()}

    def _check(self, equation: PointEquation, x: Tensor) -> None:
        face = self.teacher.interface
        pairs = (
            ("coordinates", face.inputs, equation.coordinates),
            ("parameters", face.coefficients, equation.parameters),
            ("outputs", face.outputs, equation.outputs),
        )
        for what, theirs, ours in pairs:
            if tuple(theirs) != tuple(ours):
                raise ValueError(
                    f"the teacher has the {what} {tuple(theirs)}, {equation.name} has "
                    f"{tuple(ours)}; a teacher must be of the same problem"
                )
        for name, column, (low, high) in zip(
            (*face.inputs, *face.coefficients), x.unbind(1), face.region, strict=True
        ):
            # a hair's breadth for bounds that were written in decimals
            slack = 1e-6 * (high - low)
            worst = column[(column < low - slack) | (column > high + slack)]
            if len(worst):
                raise ValueError(
                    f"{name}={float(worst[0]):g} lies outside [{low:g}, {high:g}], where the "
                    f"teacher was trained; narrow `where` or `instances` of {len(worst)} points"
                )
