"""What two gloo processes pretrain; `tests.gloo` runs it."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.objectives import toys
from zoo.objectives.base import Objective
from zoo.objectives.binary import Binary
from zoo.objectives.coefficient import Coefficient
from zoo.objectives.derivative import Derivative
from zoo.objectives.masked import Masked

STEPS = 2
RUNS = {
    "derivative": lambda: Derivative("features"),
    "coefficient": lambda: Coefficient("output"),
    "masked": lambda: Masked("features"),
    "binary": lambda: Binary("output"),
}


class Pair(nn.Module):
    """What DDP wraps: a model and its objective, as Task is."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.net, self.objective = toys.model(), objective
        objective.bind(self.net, toys.interface())

    def forward(self, batch: dict[str, Any]) -> Tensor:
        return self.objective(self.net, batch)["loss"]


def train(name: str, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """State after a few steps on this rank's share of a batch."""
    pair = Pair(RUNS[name]())
    run: Any = pair if world == 1 else nn.parallel.DistributedDataParallel(pair)
    optimizer = torch.optim.SGD(pair.parameters(), lr=1e-2)
    batch = toys.batch(count=4)
    share = slice(rank * 4 // world, (rank + 1) * 4 // world)
    mine = {key: value[share] if value.ndim else value for key, value in batch.items()}
    for _ in range(STEPS):
        optimizer.zero_grad()
        run(mine).backward()
        optimizer.step()
    return {key: value.contiguous() for key, value in pair.state_dict().items()}


def states(rank: int, world: int) -> dict[str, Tensor]:
    """What this rank holds after training, by task."""
    return {f"{name}/{key}": v for name in RUNS for key, v in train(name, rank, world).items()}
