"""A step on Poisson's equation by DeepXDE or PINA, on points and weights from a file.

Run by `highdim_poisson` in an environment that has them; nothing of zoo is imported here.
"""

import json
import os
import sys
import time
from typing import Any, ClassVar

import torch

from tests.benchmarks.derl_peers import Peers, give, timed

Run = tuple[float, list[float]]
"""First loss, and the times at which steps end."""


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

    class Clock(dde.callbacks.Callback):
        def on_batch_end(self) -> None:
            times.append(time.process_time())

    times: list[float] = []
    region = dde.geometry.Hypercube([0.0] * size, [1.0] * size)
    known = [dde.icbc.PointSetBC(x.numpy(), y.numpy()) for x, y in given["sides"]]
    # the points of the file are all there are
    data = dde.data.PDE(region, poisson, known, 0, 0, anchors=given["interior"].numpy())
    weights = given["weights"]
    sizes = [size, *(len(w) for w, _ in weights)]
    model = dde.Model(data, dde.nn.FNN(sizes, "tanh", "Glorot uniform"))
    give(list(model.net.linears), weights)
    model.compile("adam", lr=1e-3, verbose=0)
    history, _ = model.train(iterations=steps, display_every=10**9, callbacks=[Clock()], verbose=0)
    return float(sum(history.loss_train[0])), times[:-1]  # the last one tests too


def pina(given: dict[str, Any], steps: int) -> Run:
    """By `Trainer.train`, a step an epoch, since all points are one batch."""
    from lightning.pytorch import Callback
    from pina import Condition, LabelTensor, Trainer
    from pina.equation import Equation
    from pina.model import FeedForward
    from pina.operator import fast_laplacian
    from pina.optim import TorchOptimizer
    from pina.problem import BaseProblem
    from pina.solver import PhysicsInformedSingleModelSolver

    names = [f"x{i + 1}" for i in range(given["interior"].shape[1])]

    def poisson(points, u):
        curved = fast_laplacian(u, points, components=["u"], d=names)
        return curved + forced(points.as_subclass(torch.Tensor), given["squared"])

    class Clock(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
            times.append(time.process_time())
            losses.append(float(outputs["loss"]))

    inside = LabelTensor(given["interior"], names)
    told: dict[str, Any] = {"inside": Condition(input=inside, equation=Equation(poisson))}
    for i, (x, y) in enumerate(given["sides"]):
        told[f"side{i}"] = Condition(input=LabelTensor(x, names), target=LabelTensor(y, ["u"]))

    class Problem(BaseProblem):
        output_variables: ClassVar[list[str]] = ["u"]
        input_variables: ClassVar[list[str]] = names
        domains: ClassVar[dict[str, Any]] = {}
        conditions: ClassVar[dict[str, Any]] = told

    weights = given["weights"]
    net = FeedForward(len(names), 1, inner_size=len(weights[0][0]), n_layers=len(weights) - 1)
    give(net.layers, weights)
    times: list[float] = []
    losses: list[float] = []
    adam = TorchOptimizer(torch.optim.Adam, lr=1e-3)
    Trainer(
        PhysicsInformedSingleModelSolver(Problem(), net, optimizer=adam),
        max_epochs=steps,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        callbacks=[Clock()],
    ).train()
    return losses[0], times


PEERS: Peers = {"DeepXDE": ("deepxde", deepxde), "PINA": ("pina-mathlab", pina)}


def main(name: str, path: str, steps: int) -> dict[str, Any]:
    """The least of a peer's steps, in milliseconds."""
    found = timed(PEERS, name, path, steps)
    return {**found, "ms": min(found["ms"])} if "ms" in found else found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
