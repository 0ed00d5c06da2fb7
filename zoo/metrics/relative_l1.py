from typing import ClassVar

from zoo.metrics.point_error import PointError


class RelativeL1(PointError):
    """Relative L1 error of a field's values: Σ|û - u| / Σ|u| over the points."""

    order: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.title = "relative_l1"
