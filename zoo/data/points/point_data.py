from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.loader import Listed, loader, share
from zoo.data.points.order import Steps, standing
from zoo.data.points.sampled import Sampled
from zoo.models.base import Interface, Model
from zoo.pde.points.equation import PointEquation


class PointData(LightningDataModule):
    """Points of one equation: what a model of it takes, and where its errors are measured.

    A batch holds `{part: {"x", what is known, "weight"}}` and the `equation` itself, so that a
    residual and a target cannot disagree; validation and test batches hold the true solution. A
    subclass gives the training batches.

    Args:
        equation: the problem.
        instances: values of the equation's parameters; none are needed where it has none.
        evaluation: where the truth is compared; a lattice of 101 points along each coordinate if
            left out.
        seed: seed of what is drawn; None for the run's own seed.
    """

    def __init__(
        self,
        equation: PointEquation,
        *,
        instances: Instances | None = None,
        evaluation: Evaluation | Sampled | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.equation = equation
        self.instances = instances if instances is not None else Instances()
        self.evaluation = evaluation if evaluation is not None else Evaluation()
        self.seed = seed
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

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The interval in which each coordinate and parameter is trained: the equation's region."""
        return {name: (float(a), float(b)) for name, (a, b) in self.equation.region.items()}

    def interface(self) -> Interface:
        """What a model for these points takes and gives; its region is where it is trained."""
        equation = self.equation
        return Interface(
            inputs=equation.coordinates,
            outputs=equation.outputs,
            coefficients=equation.parameters,
            units=dict(equation.units),
            box=(),
            boundary="periodic" if equation.periodic else "given",
            region=tuple(self.intervals().values()),
        )

    def contents(self) -> Interface:
        """What the batches hold: as `interface`."""
        return self.interface()

    def ranges(self) -> dict[str, dict[str, list[float]]]:
        """Interval of each coordinate and parameter."""
        return {self.equation.name: {k: list(pair) for k, pair in self.intervals().items()}}

    def statistics(self) -> dict[str, Tensor]:
        """Nothing: the intervals are in the interface."""
        return {}

    def drawn(self) -> dict[str, dict[str, Tensor]]:
        """Training points by part, float64."""
        raise NotImplementedError(f"{type(self).__name__}.drawn")

    def measuring(self) -> "PointData":
        """These data without what is trained on: all that measuring a figure again needs."""
        raise NotImplementedError(f"{type(self).__name__}.measuring")

    def teachers(self) -> list[Model]:
        """The models whose answers are targets, for the lineage of what is trained on them."""
        return []

    def place(self) -> tuple[int, int]:
        """The number of this process, and how many share each batch."""
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)

    def dtype(self) -> torch.dtype:
        """Of the training points, as wide as the training."""
        wide = self.trainer is not None and str(self.trainer.precision).startswith("64")
        return torch.float64 if wide else torch.float32

    def own_seed(self) -> int:
        """The seed, which is the run's own where none is given."""
        return torch.initial_seed() % 2**32 if self.seed is None else self.seed

    def steps(self, count: int) -> Steps:
        """The order of an epoch of so many batches, from where training stands."""
        found = Steps(count)
        found.position = self._position
        return found

    def _position(self) -> tuple[int, int] | None:
        """Epoch and batch at which training stands."""
        return standing(self.trainer)

    def _compared(self, split: str) -> DataLoader:
        instances = self.instances.draw(self.equation)[split]
        batches = self.evaluation.batches(self.equation, instances, split)
        return loader(Listed([share(batch, *self.place()) for batch in batches]))

    def val_dataloader(self) -> DataLoader:
        """The truth for the validation instances, once over all ranks together."""
        return self._compared("validation")

    def test_dataloader(self) -> DataLoader:
        """The truth for the test instances, once over all ranks together."""
        return self._compared("test")

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """As in Lightning; batches are made on the CPU, and there not searched for tensors."""
        if device.type == "cpu":
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def trivials(self, split: str, figure: str = "relative_l2") -> dict[str, dict[str, float]]:
        """A figure of the predictors that learn nothing, by region and name."""
        instances = self.instances.draw(self.equation)[split]
        return self.evaluation.trivials(self.equation, instances, split, figure)
