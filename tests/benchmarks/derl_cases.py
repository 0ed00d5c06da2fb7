"""What the benchmark of DERL times: problems, their losses, and the steps of plain loops."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.points.initial import Initial
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.targets.analytic import Analytic
from zoo.models.field import Field
from zoo.models.mlp import MLP
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value
from zoo.ops.jets import AutogradJet, Jet
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.equation import PointEquation


class Burgers(PointEquation):
    """u_t + u u_x = ν u_xx with u(0, x) = -sin πx and u(t, ±1) = 0, by Cole and Hopf.

    Its integrals over the heat kernel are Gauss-Hermite sums.
    """

    name: ClassVar[str] = "burgers"
    coordinates = ("t", "x")
    units = dict.fromkeys(("u", "t", "x"), "1")
    time: ClassVar[str | None] = "t"
    viscosity = 0.01 / math.pi

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        return {"t": (0.0, 1.0), "x": (-1.0, 1.0)}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        slopes = jet.gradient
        curved = jet.derivative(1, 1)
        return slopes[..., 0] + jet.value * slopes[..., 1] - self.viscosity * curved

    def solution(self, x: Tensor) -> Tensor:
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite.hermgauss(100))
        near = x[:, 1:2].double() - (4 * self.viscosity * x[:, :1].double()).sqrt() * nodes
        heat = weights * (-(math.pi * near).cos() / (2 * math.pi * self.viscosity)).exp()
        return (-(math.pi * near).sin() * heat).sum(1, True).div(heat.sum(1, True)).to(x)


@dataclass(frozen=True)
class Case:
    """A problem, the size of its net, its points, and what is compared inside.

    Args:
        equation: the problem.
        size: hidden layers and their width.
        counts: points inside, at the sides, and at the initial time.
        terms: of OUTL ("value"), DERL ("gradient") and PINN ("residual"), those that are summed.
    """

    equation: PointEquation
    size: tuple[int, int]
    counts: tuple[int, int, int]
    terms: tuple[str, ...]

    def net(self) -> MLP:
        torch.manual_seed(0)
        layers, width = self.size
        return MLP(self.data().interface(), layers=layers, width=width)

    def data(self, steps: int = 1) -> Points:
        inside, sides, initial = self.counts
        parts = [Interior(inside, [Analytic()])]
        parts += [Sides(sides)] if sides else []
        parts += [Initial(initial)] if initial else []
        return Points(self.equation, parts, steps_per_epoch=steps, seed=0)

    def objective(self) -> Pointwise:
        kinds = {"value": Value, "gradient": Gradient, "residual": Residual}
        sides = [Value(name) for name in self.outer()]
        return Pointwise([kinds[term]() for term in self.terms], sides)

    def outer(self) -> list[str]:
        return [
            n for n, count in zip(("boundary", "initial"), self.counts[1:], strict=True) if count
        ]

    def batch(self) -> dict[str, dict[str, Tensor]]:
        drawn = self.data().drawn()
        return {name: {k: v.float() for k, v in part.items()} for name, part in drawn.items()}


ALLEN_CAHN, BURGERS = SteadyAllenCahn(), Burgers()
SIZES = [((4, 50), 100), ((4, 256), 1000)]
METHODS = {
    "OUTL": ("value",),
    "DERL": ("gradient",),
    "PINN": ("residual",),
    "OUTL+PINN": ("value", "residual"),
}
# DeepXDE's example of Burgers states these points and this net; the others are the paper's E2
PINNS = {
    "Burgers 3x20": Case(BURGERS, (3, 20), (2540, 80, 160), ("residual",)),
    "Allen-Cahn 4x50": Case(ALLEN_CAHN, (4, 50), (1000, 404, 0), ("residual",)),
    "Allen-Cahn 4x128": Case(ALLEN_CAHN, (4, 128), (1000, 404, 0), ("residual",)),
}
LEARNERS = {
    f"{name} {layers}x{width} batch {count}": Case(
        ALLEN_CAHN, (layers, width), (count, 40, 0), METHODS[name]
    )
    for (layers, width), count in SIZES
    for name in ("OUTL", "DERL")
}

Make = Callable[[Field, Tensor], Jet]


def by_autograd(net: Field, x: Tensor) -> Jet:
    """The jet that every field has."""
    return AutogradJet(net, x, len(net.interface.inputs))


def closed(net: Field, x: Tensor) -> Jet:
    """The model's own jet."""
    return net.jet(x)


def loss(case: Case, net: Field, batch: dict[str, dict[str, Tensor]], make: Make) -> Tensor:
    """The loss in plain torch, without objective, task or trainer; values alone need no jet."""
    x, total = batch["interior"]["x"], torch.zeros(())
    jet = make(net, x) if set(case.terms) - {"value"} else None
    for term in case.terms:
        if term == "value":
            off = (net(x) if jet is None else jet.value) - batch["interior"]["y"]
        elif term == "gradient":
            off = jet.gradient - batch["interior"]["dy"]
        else:
            off = case.equation.residual(x, jet)
        total = total + off.square().mean()
    for name in case.outer():
        total = total + (net(batch[name]["x"]) - batch[name]["y"]).square().mean()
    return total


def textbook(case: Case, net: nn.Module, batch: dict[str, dict[str, Tensor]]) -> Tensor:
    """The same loss as one writes it without this package, with `torch.autograd.grad`."""
    x = batch["interior"]["x"].requires_grad_()
    u = net(x)

    def slope(y: Tensor) -> Tensor:
        return torch.autograd.grad(y.sum(), x, create_graph=True)[0]

    first = slope(u)
    if case.equation is BURGERS:
        off = first[:, :1] + u * first[:, 1:] - Burgers.viscosity * slope(first[:, 1])[:, 1:]
    else:
        curved = slope(first[:, 0])[:, :1] + slope(first[:, 1])[:, 1:]
        off = ALLEN_CAHN.diffusion * curved + u**3 - u - ALLEN_CAHN.source(x.detach())
    total = off.square().mean()
    for name in case.outer():
        total = total + (net(batch[name]["x"]) - batch[name]["y"]).square().mean()
    return total


def told(case: Case) -> dict[str, Any]:
    """Points, weights and loss as `derl_peers` reads them."""
    net, batch = case.net(), case.batch()
    low, high = zip(*case.equation.region.values(), strict=True)
    layers = [layer for layer in net.linear.children() if isinstance(layer, nn.Linear)]
    return {
        "equation": case.equation.name,
        "region": [low, high],
        "interior": batch["interior"]["x"],
        "sides": [(batch[name]["x"], batch[name]["y"]) for name in case.outer()],
        "weights": [(layer.weight.detach(), layer.bias.detach()) for layer in layers],
        "loss": float(loss(case, net, batch, closed).detach()),
    }


def stepper(net: nn.Module, loss: Callable[[], Tensor], fused: bool = False) -> Callable[[], None]:
    """zero_grad, loss, backward, Adam."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, **({"fused": True} if fused else {}))

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def plain(case: Case, make: Make, fused: bool = False) -> Callable[[], None]:
    """A step of a plain loop."""
    net, batch = case.net(), case.batch()
    return stepper(net, lambda: loss(case, net, batch, make), fused)


def apart(case: Case) -> float:
    """How far the losses of objective, plain loop and textbook are from each other, relative."""
    net, batch = case.net(), case.batch()
    ones = {name: part | {"weight": torch.ones(())} for name, part in batch.items()}
    task = case.objective()(net, {**ones, "equation": case.equation})["loss"].detach()
    found = [loss(case, net, batch, make) for make in (closed, by_autograd)]
    found += [textbook(case, net, batch)] if case.terms == ("residual",) else []
    return max(float((other.detach() / task - 1).abs()) for other in found)
