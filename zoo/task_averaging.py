"""Averaged weights and early stopping, by Lightning's own callbacks.

`task` is a Task in each function; naming its type would import it back.
"""

from typing import Any

from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    WeightAveraging,
)
from torch import Tensor

from zoo.task_measure import headline


def callbacks(task: Any) -> list[Callback]:
    """What the task's tuning asks for; callbacks of the same kind in the trainer make way."""
    found: list[Callback] = []
    if task.tuning is not None and task.tuning.average is not None:
        # buffers are no weights: averages of what is constant are it but for rounding
        found.append(EMAWeightAveraging(use_buffers=False, decay=task.tuning.average))
    if task.tuning is not None and task.tuning.patience is not None:
        # after validations: Lightning would else wait for the end of some epochs
        named = f"validation/{headline(task)}"
        found.append(Stop(named, patience=task.tuning.patience, check_on_train_epoch_end=False))
    return found


class Stop(EarlyStopping):
    """Lightning's, on the figure by which weights are kept, whose name a run knows when set up."""


def averaging(task: Any) -> list[WeightAveraging]:
    """The callbacks of the run that average weights."""
    return [one for one in task.run.callbacks if isinstance(one, WeightAveraging)]


def prepare(task: Any, stage: str) -> None:
    """Let averages begin again, and name the figure for which a run stops early.

    Callbacks are set up before the task, and so have copied one without a model, of which they
    would average nothing.
    """
    for one in averaging(task):
        one.setup(task.trainer, task, stage)
    for one in task.run.callbacks:
        if isinstance(one, Stop):
            one.monitor = f"validation/{headline(task)}"


def still(task: Any) -> dict[str, Tensor]:
    """What of the model does not learn: averages of it are it but for rounding, so it is kept."""
    if not averaging(task):
        return {}
    net = task.net
    frozen = {name: p for name, p in net.named_parameters() if not p.requires_grad}
    return {name: x.detach().clone() for name, x in [*frozen.items(), *net.named_buffers()]}


def measured(task: Any) -> dict[str, Tensor] | None:
    """The averaged weights that a validation is about to measure; None where none are averaged.

    Lightning puts the weights themselves back before the task hears of the figures.
    """
    if not averaging(task) or task.trainer.state.fn != "fit":
        return None
    state = task.net.state_dict()
    for name, x in task._still.items():
        if name in state:
            state[name].copy_(x)
    return {name: x.detach().cpu().clone() for name, x in state.items()}
