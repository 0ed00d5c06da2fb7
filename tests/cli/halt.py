"""A callback that stops a run in the middle, as a kill would."""

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback


class Halt(Callback):
    """Raises before the first step, validation or end of training after `step` optimiser steps."""

    def __init__(self, moment: str, step: int) -> None:
        self.moment, self.step = moment, step

    def _halt(self, trainer, moment):
        if moment == self.moment and trainer.global_step >= self.step:
            raise MisconfigurationException("halted")

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self._halt(trainer, "step")

    def on_validation_start(self, trainer, pl_module):
        self._halt(trainer, "validation")

    def on_train_end(self, trainer, pl_module):
        self._halt(trainer, "end")
