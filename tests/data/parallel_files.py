"""What two gloo processes learn from one file of trajectories; `tests.gloo` runs it.

Batches are uneven between the ranks: six trajectories in batches of 3 and 3, two and one a rank.
"""

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.mixture import Mixture
from zoo.data.recorded import Recorded
from zoo.data.window import Window
from zoo.ops.norms import relative_l2


class Ranked(Mixture):
    """A mixture that is told its rank, which otherwise the trainer tells."""

    rank, world = 0, 1

    def _ranks(self) -> tuple[int, int]:
        return self.rank, self.world


def write(path: Path) -> None:
    """Ten trajectories of 9 frames on 12 points, in PDEBench's layout."""
    with h5py.File(path, "w") as file:
        shape = (10, 9, 12)
        file["tensor"] = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        file["x-coordinate"], file["t-coordinate"] = np.arange(12) / 12, np.arange(9) * 0.1


def train(rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """A linear map of frames after two epochs of this rank's share of each batch."""
    torch.manual_seed(0)
    net = nn.Linear(3 * 12, 12)
    run: Any = net if world == 1 else nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "file.h5")
        source = Recorded(str(Path(folder) / "file.h5"))
        data = Ranked([source], 3, seed=0, window=Window(history=3, start="random"))
        data.rank, data.world = rank, world
        loader = data.train_dataloader()
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)  # pyright: ignore[reportAttributeAccessIssue]
            for batch in loader:
                optimizer.zero_grad()
                y = run(batch["u"].flatten(1))
                loss = relative_l2(y[:, None, None], batch["y"]).mean()
                (loss * batch["weight"]).backward()
                optimizer.step()
    return net.state_dict()


def states(rank: int, world: int) -> dict[str, Tensor]:
    """What `tests.gloo` keeps of this rank."""
    return train(rank, world)
