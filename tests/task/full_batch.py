"""A small run whose batch is all of the training data, and processes of it that cost no imports."""

import os
import signal
import socket
import time
import warnings
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Trainer

from zoo.checkpointing import AtomicCheckpointIO, Last
from zoo.data.mixture import Mixture
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.steady import Steady
from zoo.data.targets.analytic import Analytic
from zoo.metrics.point_error import PointError
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.models.parts.homogeneous import Homogeneous
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.supervised import Supervised
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.value import Value
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.poisson import Poisson
from zoo.task import Task

WOLFE = partial(torch.optim.LBFGS, lr=1, max_iter=4, history_size=5, line_search_fn="strong_wolfe")


def data(**options: Any) -> Mixture:
    """Seven samples."""
    poisson = Steady(Poisson(), 8, train=7, validation=2, test=2)
    return Mixture([poisson], **{"batch_size": 7, "seed": 0, **options})


def cloud(**options: Any) -> Points:
    """Nine points inside, eight on the sides."""
    parts = [Interior(9, targets=[Analytic()]), Sides(points_per_side=3)]
    evaluation = Evaluation(points_per_side=3)
    return Points(SteadyAllenCahn(), parts, evaluation=evaluation, seed=0, **options)


def derl(**options: Any) -> Task:
    """Derivatives inside, values on the sides."""
    return task(
        net=lambda face: MLP(face, width=4, layers=1),
        objective=Pointwise([Gradient()], sides=[Value("boundary")]),
        metrics=[PointError()],
        **options,
    )


def task(optimizer: Any = WOLFE, **options: Any) -> Task:
    torch.manual_seed(0)
    net = {"net": lambda face: FNO(face, Homogeneous(), width=4, modes=2, layers=1)}
    return Task(**{**net, "optimizer": optimizer, "schedule": "constant", **options})


def trainer(folder: Any, steps: int = 3, *, last: bool = False, **options: Any) -> Trainer:
    callbacks = [Last(folder / "checkpoints", 0.0)] if last else []
    given = {
        "max_steps": steps,
        "logger": False,
        "callbacks": callbacks + options.pop("callbacks", []),
        "plugins": [AtomicCheckpointIO()] if last else [],
        "enable_checkpointing": last,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "limit_val_batches": 0,
        "inference_mode": False,
        "accelerator": "cpu",
        "devices": 1,
        "log_every_n_steps": 1,
        "default_root_dir": folder,
    }
    return Trainer(**{**given, **options})


class Evaluated(Supervised):
    """Records the batches and losses of all evaluations that an optimiser has asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.batches: list[Any] = []

    def forward(self, model: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        terms = super().forward(model, batch)
        self.losses.append(float(terms["loss"].detach()))
        if all(batch is not known for known in self.batches):
            self.batches.append(batch)
        return terms


def ranked(rank: int, port: int) -> dict[str, Any]:
    """Options of the trainer that makes this process one of two ranks."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    os.environ.update({**place, "WORLD_SIZE": "2", "NODE_RANK": "0", "LOCAL_RANK": str(rank)})
    return {"strategy": "ddp", "devices": 2}


def port() -> int:
    """A free one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def forked(work: Any, *arguments: Any) -> int:
    """A copy of this process that does the work; its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        warnings.simplefilter("ignore")
        work(*arguments)
        code = 0
    finally:
        os._exit(code)


def ended(child: int, seconds: float = 60.0) -> int:
    """The exit code of a copy; minus the signal that killed it, as when two ranks wait forever."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
