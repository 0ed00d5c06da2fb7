"""Steps through Lightning's loop: of Task, and of a module that does nothing but the step."""

import tempfile
import time
from itertools import pairwise
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor
from torch.utils.data import DataLoader

from tests.benchmarks.derl_cases import Case, closed, loss
from zoo.metrics.point_error import PointError
from zoo.task import Task


class Clock(Callback):
    """CPU seconds at the end of each batch."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(self, *_: object) -> None:
        self.times.append(time.process_time())


class Bare(LightningModule):
    """The plain loop's step and nothing else in Lightning's loop: what no Task can undercut."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case, self.net, self.points = case, case.net(), case.batch()

    def training_step(self, batch: Tensor) -> Tensor:
        return loss(self.case, self.net, self.points, closed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 1e-3)


def through_lightning(case: Case, steps: int, bare: bool) -> list[float]:
    """Milliseconds of each step through Lightning's Trainer, of Task or of `Bare`.

    Without progress bar, logger and checkpoints.
    """
    seed_everything(0, verbose=False)
    clock = Clock()
    if bare:
        loader = DataLoader(list(torch.zeros(steps)), batch_size=None)
        given: dict[str, Any] = {"model": Bare(case), "train_dataloaders": loader}
    else:
        task = Task(case.net(), case.objective(), [PointError()], schedule="constant")
        given = {"model": task, "datamodule": case.data(steps)}
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            fast_dev_run=steps,
            accelerator="cpu",
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[clock],
        ).fit(**given)
    return [1e3 * (b - a) for a, b in pairwise(clock.times)]
