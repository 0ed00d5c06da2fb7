"""A release of few weights, data of another equation's range, and runs that start from it."""

from functools import partial
from typing import Any

import torch

from tests.task.full_batch import trainer
from zoo import release
from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.poisson import Poisson
from zoo.task import Task
from zoo.task_tuning import Tuning

SGD = partial(torch.optim.SGD, lr=0.05)
ADAM = partial(torch.optim.Adam, lr=1e-2)


def data(**options: Any) -> Mixture:
    """Eight samples for training, four for validation."""
    sets = [Steady(Poisson(), 8, train=8, validation=4, test=4)]
    return Mixture(sets, **{"batch_size": 4, "seed": 0, **options})


def released(folder: Any) -> str:
    """A net with the channels of these data, with statistics that are not neutral."""
    torch.manual_seed(0)
    net = FNO(data().interface(), Affine(), width=4, modes=2, layers=2)
    for buffer in net.buffers():
        buffer.uniform_(0.5, 1.5)
    return str(release.save_pretrained(net, folder))


def run(start: str, optimizer: Any = ADAM, **options: Any) -> Task:
    given: dict[str, Any] = {"init_from": start, "schedule": "constant"}
    tuning = options.pop("tuning", None)
    made = Tuning(**tuning) if isinstance(tuning, dict) else tuning
    return Task(optimizer=optimizer, tuning=made, **{**given, **options})


def fitted(folder: Any, task: Task, steps: int = 4, **options: Any) -> Task:
    """The task after so many steps, validated after every second one."""
    batches = options.pop("batches", None)
    start = {k: options.pop(k) for k in ("ckpt_path", "weights_only") if k in options}
    every = {"limit_val_batches": 1, "val_check_interval": 2, "check_val_every_n_epoch": None}
    trainer(folder, steps, **{**every, **options}).fit(task, batches or data(), **start)
    return task
