"""Steps through Lightning's loop: of Task, and of a module that does nothing but the step."""

import tempfile
import time
from itertools import pairwise
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from tests.benchmarks.derl_cases import Case, closed, loss
from zoo.bar import StepBar
from zoo.checkpointing import Last
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


class Unreleased(Task):
    """A task that leaves nothing behind."""

    def on_fit_end(self) -> None:
        pass


def through_lightning(case: Case, steps: int, kind: Literal["bare", "task", "fit"]) -> list[float]:
    """Milliseconds of each step through Lightning's Trainer.

    Of `Bare`, or of Task without progress bar, loggers and checkpoints, or with them as in
    `zoo fit`; the last are means over ten steps, after one of which logs are written.
    """
    seed_everything(0, verbose=False)
    clock, whole = Clock(), kind == "fit"
    if kind == "bare":
        loader = DataLoader(list(torch.zeros(steps)), batch_size=None)
        given: dict[str, Any] = {"model": Bare(case), "train_dataloaders": loader}
    else:
        task = Unreleased(case.net(), case.objective(), [PointError()], schedule="constant")
        given = {"model": task, "datamodule": case.data(steps)}
    with tempfile.TemporaryDirectory() as folder:
        own = [StepBar(), Last(f"{folder}/checkpoints")]
        loggers = [CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")]
        Trainer(
            max_steps=steps,
            limit_val_batches=0,
            log_every_n_steps=10,
            accelerator="cpu",
            default_root_dir=folder,
            logger=loggers if whole else False,
            enable_checkpointing=whole,
            enable_progress_bar=whole,
            enable_model_summary=False,
            callbacks=[clock, *(own if whole else [])],
        ).fit(**given)
    found = [1e3 * (b - a) for a, b in pairwise(clock.times)]
    return [sum(ten) / 10 for ten in zip(*[iter(found)] * 10, strict=False)] if whole else found
