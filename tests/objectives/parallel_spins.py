"""What two gloo processes learn of lattices of spins; `tests.gloo` runs it.

Batches are uneven between the ranks: ten lattices in batches of 4, 3 and 3.
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.spins.lattices import Lattices
from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.rnn import RNN
from zoo.objectives.consistency import Consistency
from zoo.objectives.joint_consistency import JointConsistency
from zoo.objectives.label_mixture import LabelMixture
from zoo.objectives.likelihood import Likelihood
from zoo.objectives.on_lattices import OnLattices

FACE = spins((4, 4), 2, 4.0)


def rnn() -> RNN:
    torch.manual_seed(0)
    return RNN(FACE, hidden=6)


def ednn() -> EDNN:
    torch.manual_seed(1)
    return EDNN(FACE, hidden=(8, 8))


OWN = LabelMixture(data=1, samples=0, uniform=0, tempered=0)
RUNS = {
    "likelihood": lambda: (rnn(), Likelihood()),
    "squared": lambda: (rnn(), Likelihood("squared")),
    # nothing is drawn, so the shares average
    "consistency": lambda: (ednn(), Consistency(rnn(), OWN)),
    "joint": lambda: (ednn(), JointConsistency(rnn())),
}
AVERAGED = ("likelihood", "squared", "consistency")
"""A variance over a rank's share, as of the joint objective, is not a share of the variance."""


class Pair(nn.Module):
    """What DDP wraps: a model and its objective, as Task is."""

    def __init__(self, net: EDNN | RNN, objective: OnLattices) -> None:
        super().__init__()
        self.net, self.objective = net, objective
        objective.bind(net, FACE)

    def forward(self, batch: dict[str, Any]) -> Tensor:
        return self.objective(self.net, batch)["loss"] * batch["weight"]


def train(name: str, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """State after an epoch of this rank's share of each batch."""
    pair = Pair(*RUNS[name]())
    run: Any = pair if world == 1 else nn.parallel.DistributedDataParallel(pair)
    optimizer = torch.optim.SGD(pair.parameters(), lr=1e-2)
    s = torch.randint(2, (10, 4, 4), generator=torch.Generator().manual_seed(2))
    rows = {"s": s.to(torch.uint8), "beta": torch.full((10,), 0.25)}
    lattices = Lattices(rows, 4, seed=0, rank=rank, ranks=world)
    for step in range(len(lattices)):
        optimizer.zero_grad()
        run(lattices[0, step]).backward()
        optimizer.step()
    return pair.state_dict()


def states(rank: int, world: int) -> dict[str, Tensor]:
    """What this rank holds after training, by objective."""
    return {f"{name}/{key}": v for name in RUNS for key, v in train(name, rank, world).items()}
