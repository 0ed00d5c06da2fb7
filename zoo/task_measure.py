"""What validation and test measure, and the weights that scored best.

`task` is a Task in each function; naming its type would import it back.
"""

import math
from typing import Any

import torch


def headline(task: Any) -> str:
    """The name of the figure by which weights are kept: the first metric's mean."""
    return "loss" if task.objective.pretext else str(task.measures[0].title)


def add(task: Any, batch: dict[str, Any], batch_idx: int) -> None:
    """Add a batch to every metric; a pretext task is measured by its own terms."""
    if task.objective.pretext:
        # equal corruptions at every validation, and training draws as if there were none
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(batch_idx)
            task.terms.update(task.objective(task.net, batch), len(batch["u"]))
        return
    for metric in task.measures:
        metric.update(task.net, batch)


def measure(task: Any, stage: str) -> dict[str, float]:
    """Compute, log and reset the figures of a stage; a pretext task's are its own terms."""
    values: dict[str, float] = {}
    task._measured = []
    if task.objective.pretext:
        values = {name: float(value) for name, value in task.terms.compute().items()}
        task.log_dict({f"{stage}/{name}": v for name, v in values.items()}, prog_bar=True)
        task.terms.reset()
        return values
    for metric in task.measures:
        found = {name: float(value) for name, value in metric.compute().items()}
        task._measured.append((metric, found))
        for name, value in found.items():
            task.log(f"{stage}/{name}", value, prog_bar="/" not in name)
        values.update(found)
        metric.reset()
    return values


def keep_best(task: Any, values: dict[str, float]) -> None:
    """Keep the weights if these validation figures are the best so far; no number never is."""
    figure = task._figure = values[headline(task)]
    if not math.isfinite(figure) or (task._best is not None and figure >= task._best["value"]):
        return
    kept = task._averaged
    if kept is None:
        state = task.trainer.strategy.lightning_module_state_dict()
        kept = {k[4:]: v.detach().cpu().clone() for k, v in state.items() if k[:4] == "net."}
    first = values if task.objective.pretext else task._measured[0][1]
    task._best = {"value": figure, "state": kept, "figures": first}


def check_best(task: Any) -> None:
    """Refuse to release weights of which nothing is known.

    Raises:
        ValueError: no validation of the run gave a finite figure.
    """
    if task._best is None and task._figure is not None and not task.run.fast_dev_run:
        raise ValueError(
            f"validation/{headline(task)} is {task._figure} and never was finite, so nothing is "
            "released; train longer, lower the learning rate or put another metric first"
        )
