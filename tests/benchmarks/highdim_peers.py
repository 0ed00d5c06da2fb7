"""A step on Poisson's equation by DeepXDE or PINA, on points and weights from a file.

Run by `highdim_poisson` in an environment that has them; nothing of zoo is imported here.
"""

import json
import os
import sys
from typing import Any

import torch

from tests.benchmarks.derl_peers import Peers, Run, by_deepxde, by_pina, timed


def forced(x: torch.Tensor, squared: float) -> torch.Tensor:
    """κ² u of the plane wave u = ½ sin k·x, which the Laplacian takes away."""
    share = (squared / x.shape[1]) ** 0.5
    return squared * 0.5 * torch.sin(share * x.sum(1, keepdim=True))


def deepxde(given: dict[str, Any], steps: int) -> Run:
    """By `Model.train`."""
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde as dde

    size = given["interior"].shape[1]

    def poisson(x, u):
        curved = sum(dde.grad.hessian(u, x, i=i, j=i) for i in range(size))
        return curved + forced(x, given["squared"])

    region = dde.geometry.Hypercube([0.0] * size, [1.0] * size)
    return by_deepxde(given, steps, region, poisson)


def pina(given: dict[str, Any], steps: int) -> Run:
    """By `Trainer.train`, a step an epoch, since all points are one batch."""
    from pina.operator import fast_laplacian

    names = [f"x{i + 1}" for i in range(given["interior"].shape[1])]

    def poisson(points, u):
        curved = fast_laplacian(u, points, components=["u"], d=names)
        return curved + forced(points.as_subclass(torch.Tensor), given["squared"])

    return by_pina(given, steps, names, poisson)


PEERS: Peers = {"DeepXDE": ("deepxde", deepxde), "PINA": ("pina-mathlab", pina)}


def main(name: str, path: str, steps: int) -> dict[str, Any]:
    """The least of a peer's steps, in milliseconds."""
    found = timed(PEERS, name, path, steps)
    return {**found, "ms": min(found["ms"])} if "ms" in found else found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
