"""A callback that stops a run in the middle, as a kill would, after its checkpoint is written."""

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback


class Halt(Callback):
    """Raises at the start of the batch after `step` optimiser steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step >= self.step:
            raise MisconfigurationException("halted")
