"""One progress bar for a whole fit, counted in optimiser steps."""

import sys
import time
from collections.abc import Callable
from typing import Any

from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

QUICK, SLOW = 0.25, 15.0
Told = tuple[str, int, int, str]
"""A run's title, steps done (-1: over), steps in all (0: unknown), figures."""

sink: Callable[[Told], None] | None = None
"""Set in a worker: its bar is drawn by the process that owns the terminal."""


def columns() -> tuple[Any, ...]:
    """The columns of a bar whose tasks have a field `figures`."""
    figures = TextColumn("{task.fields[figures]}")
    return ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), figures)


class StepBar(ProgressBar):
    """A bar that lasts the whole fit, whatever the length of an epoch.

    Without a terminal it is a line now and then. Refreshed a few times a second, so that reading
    the loss costs nothing.

    Args:
        title: what is run, at the left of the bar.
    """

    def __init__(self, title: str = "fit") -> None:
        super().__init__()
        self.title = title
        self.console = Console(file=sys.stderr)
        self._on, self._shown, self._done, self._total = True, 0.0, 0, 0
        self._live: Progress | None = None
        self._task: Any = None

    def disable(self) -> None:
        """Show nothing; Lightning calls it on every rank but the first."""
        self._on = False

    def enable(self) -> None:
        """Show the bar again."""
        self._on = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Write a line beside the bar."""
        self.console.print(*args)

    def _open(self, total: float) -> None:
        self._total = int(total) if total != float("inf") else 0
        self._shown = time.monotonic()
        if not self._on:
            return
        if sink is not None:
            sink((self.title, 0, self._total, ""))
        if sink is not None or not self.console.is_terminal:
            return
        self._live = Progress(*columns(), console=self.console, transient=True)
        self._live.start()
        self._task = self._live.add_task(self.title, total=self._total or None, figures="")

    def _show(self, done: int, trainer: Any, pl_module: Any) -> None:
        self._done = done
        wait = QUICK if self._live or sink is not None else SLOW
        if not self._on or time.monotonic() - self._shown < wait:
            return
        self._shown = time.monotonic()
        figures = self.get_metrics(trainer, pl_module)
        figures.pop("v_num", None)
        text = "  ".join(
            f"{name} {number:.4g}" for name, number in figures.items() if isinstance(number, float)
        )
        if sink is not None:
            sink((self.title, done, self._total, text))
        elif self._live:
            self._live.update(self._task, completed=done, figures=text)
        else:
            of = f"/{self._total}" if self._total else ""
            self.console.print(f"{self.title}  {done}{of}  {text}", soft_wrap=True)

    def _close(self) -> None:
        if sink is not None and self._on:
            sink((self.title, -1, 0, ""))
        if self._live:
            self._live.stop()
            self._live = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        self._open(trainer.estimated_stepping_batches)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """As in Lightning's Callback."""
        self._show(trainer.global_step, trainer, pl_module)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        self._close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """As in Lightning's Callback."""
        self._close()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        if trainer.state.fn == "validate":
            self._open(sum(trainer.num_val_batches))

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """As in Lightning's Callback."""
        if trainer.state.fn == "validate":
            self._show(self._done + 1, trainer, pl_module)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        if trainer.state.fn == "validate":
            self._close()

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        self._open(sum(trainer.num_test_batches))

    def on_test_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """As in Lightning's Callback."""
        self._show(self._done + 1, trainer, pl_module)

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """As in Lightning's Callback."""
        self._close()
