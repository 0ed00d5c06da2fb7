"""What a killed run goes on from: `last.ckpt` and `best.ckpt`, never half a file."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Checkpoint

LAST = "last.ckpt"
BEST = "best"
LOOK = 25


class AtomicCheckpointIO(CheckpointIO):
    """A checkpoint is written under another name, flushed, and renamed; never read with pickle."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """As in Lightning's CheckpointIO."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")
        try:
            with part.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def load_checkpoint(
        self,
        path: Any,
        map_location: Callable | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """As in Lightning's CheckpointIO; only tensors and plain types, from local files."""
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"no checkpoint {path}; --ckpt_path takes a local file, released weights are "
                "started from with --model.init_from"
            )
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)

    def remove_checkpoint(self, path: Any) -> None:
        """As in Lightning's CheckpointIO."""
        Path(path).unlink(missing_ok=True)


class Last(Checkpoint):
    """Writes `last.ckpt` after each validation and every so many seconds.

    Args:
        folder: where it lies.
        seconds: time between two writes inside an epoch.
    """

    def __init__(self, folder: str | Path, seconds: float = 60.0) -> None:
        if seconds < 0:
            raise ValueError(f"save_seconds={seconds} must not be negative; 0 saves every step")
        self.path = Path(folder) / LAST
        self.seconds = seconds
        self.last_model_path = ""  # what was written last, named as Lightning's own callback does
        self._written = time.monotonic()

    def _write(self, trainer: Any) -> None:
        trainer.save_checkpoint(self.path)
        self.last_model_path = str(self.path)
        self._written = time.monotonic()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """As in Lightning's Callback; with many ranks the first one's clock decides.

        Not where a validation is due at once: a run that goes on from in between would never make
        it, nor find its best weights.
        """
        due = time.monotonic() - self._written >= self.seconds
        if trainer.world_size > 1:
            # a broadcast each step would cost more than the step: look now and then
            if trainer.global_step % LOOK:
                return
            due = trainer.strategy.broadcast(due)
        if due and not trainer.fast_dev_run and not _is_before_validation(trainer, batch_idx):
            self._write(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking and not trainer.fast_dev_run:
            self._write(trainer)


def _is_before_validation(trainer: Any, batch_idx: int) -> bool:
    every = trainer.check_val_every_n_epoch
    by_steps = every is None
    if not trainer.enable_validation or (not by_steps and (trainer.current_epoch + 1) % every):
        return False
    batches = trainer.fit_loop.total_batch_idx if by_steps else batch_idx
    return trainer.is_last_batch or (batches + 1) % trainer.val_check_batch == 0
