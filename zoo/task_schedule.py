"""Learning rates that fall from step to step.

`task` is a Task in each function; naming its type would import it back.
"""

import math
from collections.abc import Callable
from typing import Any

import torch


def cosine(done: float) -> float:
    """Share of the learning rate along a half cosine, (1 + cos π t) / 2.

    Args:
        done: share t of the steps that are done.
    """
    return 0.5 * (1 + math.cos(math.pi * done))


def linear(done: float) -> float:
    """Share of the learning rate along a line, 1 - t.

    Args:
        done: as in `cosine`.
    """
    return 1 - done


SHARES: dict[str, Callable[[float], float]] = {"cosine": cosine, "linear": linear}


def scheduled(task: Any, optimizer: torch.optim.Optimizer) -> Any:
    """The optimiser as Lightning takes it, with the schedule of the task if it has one."""
    if task.schedule == "constant":
        return optimizer
    share, steps = SHARES[task.schedule], max(1, int(task.trainer.estimated_stepping_batches))
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: share(min(step, steps) / steps)
    )
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "interval": "step"}}
