from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.order import Cloud, Steps
from zoo.data.points.part import Part
from zoo.data.targets.distilled import Distilled
from zoo.data.targets.noisy import Noisy
from zoo.models.base import Interface, Model
from zoo.pde.points.equation import PointEquation

RESERVED = ("equation", "weight")
"""What stands in a batch beside the parts."""


class Points(LightningDataModule):
    """Points of one equation in named parts, each with what is known there.

    A batch holds `{part: {"x", what is known, "weight"}}` and the `equation` itself, so that a
    residual and a target cannot disagree; validation and test batches hold the true solution on a
    lattice. Everything is drawn once in float64 from the seed.

    Args:
        equation: the problem.
        parts: what is trained on; none where only errors are measured.
        batch_size: points of each part in a global batch, over all devices together; None for all.
        instances: values of the equation's parameters; none are needed where it has none.
        evaluation: where the truth is compared; a lattice of 101 points along each coordinate if
            left out.
        steps_per_epoch: batches of an epoch; one pass over the largest part if left out.
        seed: seed of points, noise and order; None for the run's own seed.
    """

    def __init__(
        self,
        equation: PointEquation,
        parts: list[Part] | None = None,
        *,
        batch_size: int | None = None,
        instances: Instances | None = None,
        evaluation: Evaluation | None = None,
        steps_per_epoch: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        parts = list(parts or [])
        names = [part.name for part in parts]
        if len(set(names)) != len(names) or set(names) & set(RESERVED):
            raise ValueError(f"parts={names}: each needs a name of its own, none of {RESERVED}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: at least 1, or null for all points")
        self.equation = equation
        self.parts = parts
        self.batch_size = batch_size
        self.instances = instances if instances is not None else Instances()
        self.evaluation = evaluation if evaluation is not None else Evaluation()
        self.steps_per_epoch = steps_per_epoch
        self.seed = seed
        self._drawn: dict[str, dict[str, Tensor]] | None = None
        for part in parts:
            part.check(equation)
        self.evaluation.check(equation)
        self.instances.draw(equation)

    @property
    def systems(self) -> list[str]:
        """Names of the regions in which errors are measured apart."""
        return self.evaluation.names(self.equation)

    @property
    def equations(self) -> list[str]:
        """The equation's name, whatever the regions are called."""
        return [self.equation.name]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the equation's parameters."""
        return self.equation.parameters

    def interface(self) -> Interface:
        """What a model for these points takes and gives; its region is where it is trained."""
        equation = self.equation
        region = {name: (float(a), float(b)) for name, (a, b) in equation.region.items()}
        for name in equation.coordinates:
            seen = [part.where.get(name, region[name]) for part in self.parts] or [region[name]]
            region[name] = (float(min(a for a, _ in seen)), float(max(b for _, b in seen)))
        return Interface(
            inputs=equation.coordinates,
            outputs=equation.outputs,
            coefficients=equation.parameters,
            units=dict(equation.units),
            box=(),
            boundary="periodic" if equation.periodic else "given",
            region=tuple(region.values()),
        )

    def contents(self) -> Interface:
        """What the batches hold: as `interface`."""
        return self.interface()

    def ranges(self) -> dict[str, dict[str, list[float]]]:
        """Interval of each coordinate and parameter."""
        face = self.interface()
        names = (*face.inputs, *face.coefficients)
        return {self.equation.name: dict(zip(names, map(list, face.region), strict=True))}

    def statistics(self) -> dict[str, Tensor]:
        """Nothing: the intervals are in the interface."""
        return {}

    def _seed(self) -> int:
        return torch.initial_seed() % 2**32 if self.seed is None else self.seed

    def drawn(self) -> dict[str, dict[str, Tensor]]:
        """The training points of every part, float64."""
        if self._drawn is None:
            values = self.instances.draw(self.equation)["train"]
            self._drawn = {
                part.name: part.draw(self.equation, values, self._seed()) for part in self.parts
            }
        return self._drawn

    def train_dataloader(self) -> DataLoader:
        """This rank's share of each batch."""
        if not self.parts:
            raise ValueError("parts is empty: there is nothing to train on; name at least one part")
        trainer = self.trainer
        wide = trainer is not None and str(trainer.precision).startswith("64")
        cloud = Cloud(
            self.drawn(),
            self.batch_size,
            seed=self._seed(),
            rank=trainer.global_rank if trainer is not None else 0,
            ranks=trainer.world_size if trainer is not None else 1,
            extra={"equation": self.equation},
            dtype=torch.float64 if wide else torch.float32,
            steps=self.steps_per_epoch,
        )
        steps = Steps(cloud.steps)
        steps.position = self._position
        return _loader(cloud, steps)

    def _position(self) -> tuple[int, int] | None:
        """Epoch and batch at which training stands, by the steps taken: it survives a restart."""
        trainer = self.trainer
        if trainer is None or trainer.fit_loop.max_batches in (0, float("inf")):
            return None
        together = trainer.accumulate_grad_batches
        epoch, step = divmod(trainer.global_step, -(-int(trainer.fit_loop.max_batches) // together))
        return epoch, step * together

    def _lattice(self, split: str) -> DataLoader:
        instances = self.instances.draw(self.equation)[split]
        batches = self.evaluation.batches(self.equation, instances, split)
        trainer = self.trainer
        rank, ranks = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        return _loader(_Listed([_share(batch, rank, ranks) for batch in batches]))

    def val_dataloader(self) -> DataLoader:
        """The truth for the validation instances, once over all ranks together."""
        return self._lattice("validation")

    def test_dataloader(self) -> DataLoader:
        """The truth for the test instances, once over all ranks together."""
        return self._lattice("test")

    def teachers(self) -> list[Model]:
        """The models whose answers are targets, for the lineage of what is trained on them."""
        targets = [one for part in self.parts for one in getattr(part, "targets", [])]
        inner = [one.target for one in targets if isinstance(one, Noisy)]
        return [one.teacher for one in [*targets, *inner] if isinstance(one, Distilled)]

    def measuring(self) -> "Points":
        """These data without what is trained on: all that measuring a figure again needs."""
        return Points(self.equation, instances=self.instances, evaluation=self.evaluation)

    def trivials(self, split: str) -> dict[str, dict[str, float]]:
        """Relative L2 error of the predictors that ignore x, by region."""
        instances = self.instances.draw(self.equation)[split]
        return self.evaluation.trivials(self.equation, instances, split)


def _share(batch: dict[str, Any], rank: int, ranks: int) -> dict[str, Any]:
    """Every `ranks`-th row of a batch."""
    return {k: v[rank::ranks] if isinstance(v, Tensor) else v for k, v in batch.items()}


class _Listed(Dataset):
    """Batches made beforehand."""

    def __init__(self, batches: list[dict[str, Any]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.batches[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.batches)


class _Resumable(DataLoader):
    """A loader whose order knows itself where training stands; Lightning wants the methods."""

    def state_dict(self) -> dict[str, int]:
        """Nothing: the position follows from the number of steps."""
        return {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Nothing to load."""


def _loader(data: Dataset, order: Any = None) -> DataLoader:
    together: Any = _same
    return _Resumable(data, batch_size=None, sampler=order, collate_fn=together)


def _same(batch: dict[str, Any]) -> dict[str, Any]:
    return batch
