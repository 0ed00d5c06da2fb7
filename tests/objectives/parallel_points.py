"""What two gloo processes train on points; `tests.gloo` runs it.

Parts are uneven between the ranks, and one part has fewer points than there are ranks.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.objectives import toys
from tests.waves import Wave
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.fresh import Fresh
from zoo.data.points.initial import Initial
from zoo.data.points.instances import Instances
from zoo.data.points.interior import Interior
from zoo.data.points.point_data import PointData
from zoo.data.points.points import Points
from zoo.data.targets.analytic import Analytic
from zoo.metrics.point_error import PointError
from zoo.metrics.residual_error import ResidualError
from zoo.objectives.adversarial import Adversarial
from zoo.objectives.balanced import Balanced
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value
from zoo.pde.points.heat_ball import HeatBall

STEPS = 3
RUNS = {
    "uneven": lambda: Pointwise([Gradient()], [Value("initial", 0.5)]),
    "alone": lambda: Pointwise([Residual(weight=0.1)], [Value("single")]),
    "starved": lambda: Pointwise([Value("single")]),
    "balanced": lambda: Pointwise(
        [Gradient()], [Value("initial"), Value("single")], balance=Balanced(every=2)
    ),
    "fresh": lambda: Pointwise([Residual()], [Value("boundary"), Value("initial", 2.0)]),
    "moved": lambda: Pointwise([Residual()], [Value("initial")], adversary=Adversarial(2)),
}


def data(rank: int, world: int) -> Points:
    """A wave: 11 points in batches of 4 (4, 4, 3), 3 initial points, and a part of one point."""
    parts = [Interior(11, [Analytic((1,))]), Initial(3), Initial(1, name="single")]
    evaluation = Evaluation(points_per_side=7, regions={"early": {"t": (0, 1)}})
    found = Points(
        Wave(), parts, batch_size=4, instances=Instances(test=2), evaluation=evaluation, seed=1
    )
    loop = SimpleNamespace(max_batches=3)
    where = {"global_rank": rank, "world_size": world, "precision": "64-true", "global_step": 0}
    found.trainer = SimpleNamespace(fit_loop=loop, accumulate_grad_batches=1, **where)
    return found


def fresh(rank: int, world: int) -> Fresh:
    """The heat equation, with fewer initial points than there are ranks."""
    found = Fresh(HeatBall(3), 5, boundary=4, initial=1, steps_per_epoch=STEPS, seed=1)
    found.trainer = data(rank, world).trainer
    return found


def batches(points: PointData) -> Iterator[dict[str, Any]]:
    """The batches of an epoch, as the trainer hands them on."""
    for batch in points.train_dataloader():
        yield points.transfer_batch_to_device(batch, torch.device("cpu"), 0)


class Pair(nn.Module):
    """What DDP wraps: a model and its objective, as Task is."""

    def __init__(self, objective: Pointwise, points: PointData) -> None:
        super().__init__()
        self.net, self.objective = toys.field(points), objective

    def forward(self, batch: dict[str, Any]) -> Tensor:
        return self.objective(self.net, batch)["loss"] * batch["weight"]


def train(name: str, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """State after a few steps on this rank's share of each batch."""
    points = (fresh if name in ("fresh", "moved") else data)(rank, world)
    pair = Pair(RUNS[name](), points)
    run: Any = pair if world == 1 else nn.parallel.DistributedDataParallel(pair)
    optimizer = torch.optim.SGD(pair.parameters(), lr=1e-2)
    for batch in batches(points):
        optimizer.zero_grad()
        run(batch).backward()
        optimizer.step()
    state = {**pair.net.state_dict(), **dict(pair.objective.named_buffers())}
    return {key: value.contiguous() for key, value in state.items()}


def measured(rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """Figures of an untrained field on the test lattice."""
    points, found = data(rank, world), {}
    net = toys.field(points)
    for metric in (PointError(), ResidualError()):
        metric.name_systems(points.systems)
        for batch in points.test_dataloader():
            metric.update(net, batch)
        found |= {name.replace("/", "."): value for name, value in metric.compute().items()}
    return found


def states(rank: int, world: int) -> dict[str, Tensor]:
    """What this rank holds after training, by objective, and the figures of all ranks together."""
    flat = {f"{name}/{key}": v for name in RUNS for key, v in train(name, rank, world).items()}
    return flat | {f"figures/{name}": value for name, value in measured(rank, world).items()}
