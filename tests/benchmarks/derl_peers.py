"""A physics-informed step of DeepXDE or PINA on points and weights from a file.

Run by `derl_speed` in an environment that has them; nothing of this package is imported here.
"""

import importlib.metadata
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import nn

VISCOSITY, DIFFUSION = 0.01 / torch.pi, 0.01
Run = tuple[float, list[float]]
"""First loss, and the times at which steps end."""


def give(linears: list[nn.Linear], weights: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Our weights to their layers."""
    with torch.no_grad():
        for linear, (weight, bias) in zip(linears, weights, strict=True):
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)


def deepxde(given: dict[str, Any], steps: int) -> Run:
    """First loss, and the times at which steps end, by `Model.train`."""
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde as dde

    def burgers(x, u):
        first = [dde.grad.jacobian(u, x, j=j) for j in (0, 1)]
        return first[0] + u * first[1] - VISCOSITY * dde.grad.hessian(u, x, i=1, j=1)

    def allen_cahn(x, u):
        curved = sum(dde.grad.hessian(u, x, i=i, j=i) for i in (0, 1))
        product = torch.sin(torch.pi * x[:, :1]) * torch.sin(torch.pi * x[:, 1:])
        source = DIFFUSION * (-2 * torch.pi**2) * product + product**3 - product
        return DIFFUSION * curved + u**3 - u - source

    equation = {"burgers": burgers, "steady_allen_cahn": allen_cahn}[given["equation"]]
    return by_deepxde(given, steps, dde.geometry.Rectangle(*given["region"]), equation)


def by_deepxde(given: dict[str, Any], steps: int, region: Any, equation: Callable) -> Run:
    """The same for a region and an equation of DeepXDE's."""
    import deepxde as dde

    class Clock(dde.callbacks.Callback):
        def on_batch_end(self) -> None:
            times.append(time.process_time())

    times: list[float] = []
    known = [dde.icbc.PointSetBC(x.numpy(), y.numpy()) for x, y in given["sides"]]
    # the points of the file are all there are
    data = dde.data.PDE(region, equation, known, 0, 0, anchors=given["interior"].numpy())
    weights = given["weights"]
    sizes = [weights[0][0].shape[1], *(len(w) for w, _ in weights)]
    model = dde.Model(data, dde.nn.FNN(sizes, "tanh", "Glorot uniform"))
    give(list(model.net.linears), weights)
    model.compile("adam", lr=1e-3, verbose=0)
    history, _ = model.train(iterations=steps, display_every=10**9, callbacks=[Clock()], verbose=0)
    return float(sum(history.loss_train[0])), times[:-1]  # the last one tests too


def pina(given: dict[str, Any], steps: int) -> Run:
    """The same by `Trainer.train`, a step an epoch, since all points are one batch."""
    from pina.operator import fast_grad, fast_laplacian

    names = ["t", "x"] if given["equation"] == "burgers" else ["x", "y"]

    def burgers(points, u):
        first = fast_grad(u, points, components=["u"], d=names)
        curved = fast_laplacian(u, points, components=["u"], d=["x"])
        return first["dudt"] + u * first["dudx"] - VISCOSITY * curved

    def allen_cahn(points, u):
        curved = fast_laplacian(u, points, components=["u"], d=names)
        product = torch.sin(torch.pi * points["x"]) * torch.sin(torch.pi * points["y"])
        source = DIFFUSION * (-2 * torch.pi**2) * product + product**3 - product
        return DIFFUSION * curved + u**3 - u - source

    equation = {"burgers": burgers, "steady_allen_cahn": allen_cahn}[given["equation"]]
    return by_pina(given, steps, names, equation)


def by_pina(given: dict[str, Any], steps: int, names: list[str], equation: Callable) -> Run:
    """The same for coordinates and an equation of PINA's."""
    from lightning.pytorch import Callback
    from pina import Condition, LabelTensor, Trainer
    from pina.equation import Equation
    from pina.model import FeedForward
    from pina.optim import TorchOptimizer
    from pina.problem import BaseProblem
    from pina.solver import PhysicsInformedSingleModelSolver

    class Clock(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
            times.append(time.process_time())
            losses.append(float(outputs["loss"]))

    inside = LabelTensor(given["interior"], names)
    told: dict[str, Any] = {"inside": Condition(input=inside, equation=Equation(equation))}
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
    solver = PhysicsInformedSingleModelSolver(
        Problem(), net, optimizer=TorchOptimizer(torch.optim.Adam, lr=1e-3)
    )
    Trainer(
        solver,
        max_epochs=steps,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        callbacks=[Clock()],
    ).train()
    return losses[0], times


Peers = dict[str, tuple[str, Callable[[dict[str, Any], int], Run]]]
"""Package, and what trains with it, by name."""

PEERS: Peers = {
    "DeepXDE": ("deepxde", deepxde),
    "PINA": ("pina-mathlab", pina),
}


def timed(peers: Peers, name: str, path: str, steps: int) -> dict[str, Any]:
    """Milliseconds of each step of a peer; refuses what is not the same function."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # theirs
    package, run = peers[name]
    try:
        version = importlib.metadata.version(package)
        given = torch.load(path, weights_only=True)
        loss, times = run(given, steps)
    except ImportError as error:
        return {"missing": str(error)}
    apart = abs(loss / given["loss"] - 1)
    if apart > 1e-5:
        return {"missing": f"not the same loss: {loss} for {given['loss']}"}
    ms = [1e3 * (b - a) for a, b in pairwise(times)]
    return {"ms": ms, "version": version, "torch": torch.__version__}


if __name__ == "__main__":
    print(json.dumps(timed(PEERS, sys.argv[1], sys.argv[2], int(sys.argv[3]))))
