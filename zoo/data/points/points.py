from torch import Tensor
from torch.utils.data import DataLoader

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.loader import loader
from zoo.data.points.order import Cloud
from zoo.data.points.part import Part
from zoo.data.points.point_data import PointData
from zoo.data.points.sampled import Sampled
from zoo.data.targets.distilled import Distilled
from zoo.data.targets.noisy import Noisy
from zoo.models.base import Model
from zoo.pde.points.equation import PointEquation

RESERVED = ("equation", "weight")
"""What stands in a batch beside the parts."""


class Points(PointData):
    """Points of one equation in named parts, each with what is known there.

    Batches as in PointData. Everything is drawn once in float64 from the seed.

    Args:
        equation: as in PointData.
        parts: what is trained on; none where only errors are measured.
        batch_size: points of each part in a global batch, over all devices together; None for all.
        instances: as in PointData.
        evaluation: as in PointData.
        steps_per_epoch: batches of an epoch; one pass over the largest part if left out.
        seed: as in PointData: of points, noise and order.
    """

    def __init__(
        self,
        equation: PointEquation,
        parts: list[Part] | None = None,
        *,
        batch_size: int | None = None,
        instances: Instances | None = None,
        evaluation: Evaluation | Sampled | None = None,
        steps_per_epoch: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(equation, instances=instances, evaluation=evaluation, seed=seed)
        parts = list(parts or [])
        names = [part.name for part in parts]
        if len(set(names)) != len(names) or set(names) & set(RESERVED):
            raise ValueError(f"parts={names}: each needs a name of its own, none of {RESERVED}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: at least 1, or null for all points")
        self.parts = parts
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self._drawn: dict[str, dict[str, Tensor]] | None = None
        for part in parts:
            part.check(equation)

    def intervals(self) -> dict[str, tuple[float, float]]:
        """As in PointData, narrowed to what the parts hold."""
        region = super().intervals()
        for name in self.equation.coordinates:
            seen = [part.where.get(name, region[name]) for part in self.parts] or [region[name]]
            region[name] = (float(min(a for a, _ in seen)), float(max(b for _, b in seen)))
        return region

    def drawn(self) -> dict[str, dict[str, Tensor]]:
        """As in PointData: all of them."""
        if self._drawn is None:
            values = self.instances.draw(self.equation)["train"]
            seed = self.own_seed()
            self._drawn = {part.name: part.draw(self.equation, values, seed) for part in self.parts}
        return self._drawn

    def train_dataloader(self) -> DataLoader:
        """This rank's share of each batch."""
        if not self.parts:
            raise ValueError("parts is empty: there is nothing to train on; name at least one part")
        rank, ranks = self.place()
        cloud = Cloud(
            self.drawn(),
            self.batch_size,
            seed=self.own_seed(),
            rank=rank,
            ranks=ranks,
            extra={"equation": self.equation},
            dtype=self.dtype(),
            steps=self.steps_per_epoch,
        )
        return loader(cloud, self.steps(cloud.steps))

    def teachers(self) -> list[Model]:
        """As in PointData."""
        targets = [one for part in self.parts for one in getattr(part, "targets", [])]
        inner = [one.target for one in targets if isinstance(one, Noisy)]
        return [one.teacher for one in [*targets, *inner] if isinstance(one, Distilled)]

    def measuring(self) -> "Points":
        """As in PointData."""
        return Points(self.equation, instances=self.instances, evaluation=self.evaluation)
