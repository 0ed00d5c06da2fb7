"""Where the model of a run comes from: its own block, or a release.

`task` is a Task in each function; naming its type would import it back.
"""

from typing import Any

import torch
from torch import nn

from zoo import release
from zoo.models.base import Interface


def load_parent(task: Any, wanted: dict[str, Any]) -> None:
    """Load the released weights that `init_from` names, adapted to these channel names."""
    folder = release.resolve(task.init_from)
    config = release.describe(folder)
    name = config["about"].get("name") or folder.name
    parent = {"stage": "init_from", "name": name, "sha256": config["sha256"]}
    task._parent = {"folder": folder, "lineage": [*config["lineage"], parent]}
    task.net = release.load(folder, **wanted).train()


def asked(task: Any, wanted: Interface) -> dict[str, Any]:
    """What of a release is to be adapted to data of this interface, as `release.load` takes it."""
    names = {key: getattr(wanted, key) for key in ("inputs", "outputs", "coefficients")}
    places = ["dt", "history", "horizon", "offset", "region", "temperature"]
    if not wanted.region and not wanted.colours:
        # a box of points stands in their region, and one of spins counts sites
        places += ["box", "boundary", "units"]
    found: dict[str, Any] = {**names, "frames": {key: getattr(wanted, key) for key in places}}
    return found | changes(task)


def changes(task: Any) -> dict[str, Any]:
    """What the tuning asks of a release, as `release.load` takes it."""
    if task.tuning is None:
        return {}
    return {"waves": task.tuning.waves, "change": task.tuning.change}


def make_net(task: Any) -> None:
    """Build the model for the data, or load it.

    Raises:
        ValueError: the recipe names neither a model nor a release, or changes a model of its own.
    """
    if task.init_from is None and task.tuning is not None and task.tuning.change:
        raise ValueError(
            f"tuning.change={task.tuning.change} changes what init_from names, and there is none; "
            "write the arguments where the net is described"
        )
    wanted: Interface = task.data.interface()
    if task.init_from is not None and task.net is None:
        load_parent(task, asked(task, wanted))
    elif task.net is None:
        raise ValueError("neither net nor init_from is given; name a model or a release")
    elif not isinstance(task.net, nn.Module):
        # equal weights whether or not generating data has used the global generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch.initial_seed())
            task.net = task.net(wanted)


def prepare_net(task: Any) -> None:
    """Fill the normaliser of a model that is to be trained, and size the objective's heads."""
    task.net.train()  # a net block that loads a release arrives in eval
    if task.init_from is None or task.refit_normaliser:
        statistics = task.data.statistics() if task.global_rank == 0 else None
        task.net.normaliser.fill(task.trainer.strategy.broadcast(statistics))
    task.objective.bind(task.net, task.data.contents())
