"""A small operator on waves that travel and a small field, each with a batch of all its keys."""

import math
from typing import Any

import torch
from torch import Tensor

from tests.waves import Wave
from zoo.data.points.ends import Ends
from zoo.data.points.initial import Initial
from zoo.data.points.instances import Instances
from zoo.data.points.interior import Interior
from zoo.data.points.point_data import PointData
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.targets.analytic import Analytic
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.models.parts.affine import Affine
from zoo.objectives.base import Objective
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.term import Term
from zoo.objectives.terms.value import Value
from zoo.pde.points.allen_cahn import SteadyAllenCahn

NAMES = ("nu", "ax", "ay", "cx", "cy")
DT, SIDE = 0.02, 2.0


def model(dimension: int = 2, history: int = 8) -> FNO:
    """The coefficients are hidden from it."""
    torch.manual_seed(0)
    box = (SIDE,) * dimension
    interface = Interface(("u",), ("u",), history=history, dt=DT, box=box)
    return FNO(interface, Affine(), width=8, modes=3, layers=2)


def interface(dimension: int = 2) -> Interface:
    """What the data hold."""
    box = (SIDE,) * dimension
    return Interface(("u",), ("u",), NAMES, history=8, dt=DT, box=box)


def bound(objective: Objective, dimension: int = 2, history: int = 8) -> tuple[Any, FNO]:
    """The objective bound to a toy model and its data."""
    net = model(dimension, history)
    objective.bind(net, interface(dimension))
    return objective, net


def waves(grid: tuple[int, ...], frames: int, count: int, rng: torch.Generator) -> Tensor:
    """Two travelling sines for each sample, (count, frames, 1, *grid)."""
    axes = [torch.arange(n) * (2 * math.pi / n) for n in grid]
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    t = DT * torch.arange(frames)
    u = torch.zeros(count, frames, 1, *grid)
    for i in range(count):
        for _ in range(2):
            size, speed, phase = (float(torch.rand((), generator=rng)) for _ in range(3))
            k = torch.randint(1, 3, (len(grid),), generator=rng)
            angle = torch.tensordot(k.float(), x, 1) + 6 * phase
            u[i, :, 0] += (0.2 + size) * torch.sin(
                angle[None] - 20 * speed * t.view(-1, *[1] * len(grid))
            )
    return u


def batch(dimension: int = 2, count: int = 4, n: int = 16, ahead: int = 1) -> dict[str, Any]:
    """Windows of 8 frames, `ahead` frames behind them, coefficients of which some are absent."""
    rng = torch.Generator().manual_seed(5)
    u = waves((n,) * dimension, 8 + ahead, count, rng)
    has = torch.rand(count, len(NAMES), generator=rng) < 0.6
    return {
        "u": u[:, :8].clone(),
        "y": u[:, 8:].clone(),
        "p": torch.rand(count, len(NAMES), generator=rng) + 0.1,
        "has_p": has,
        "system": torch.arange(count) % 3,
        "dx": torch.full((count, dimension), SIDE / n),
        "dt": torch.full((count,), DT),
        "weight": torch.tensor(1.0),
    }


def field(data: PointData, width: int = 8) -> MLP:
    """A perceptron for some points, in float64."""
    torch.manual_seed(0)
    return MLP(data.interface(), width=width, layers=2).double()


def square(**options: Any) -> Points:
    """A few points of a square, with all that is known there."""
    known = [Analytic((0, 1, 2))]
    return Points(SteadyAllenCahn(), [Interior(6, known), Sides(8)], seed=2, **options)


def wave(equation: Wave | None = None, **options: Any) -> Points:
    """A few points of a wave on a circle, from two instances of its speed."""
    parts = [Interior(6, [Analytic((0, 1, 2))]), Initial(5), Ends(4)]
    many = Instances(train=2, seed=1)
    return Points(equation or Wave(), parts, instances=many, seed=3, **options)


def wide(data: Points) -> dict[str, Any]:
    """The whole of some points as one batch, in float64."""
    parts = {
        name: {**part, "weight": torch.tensor(1.0, dtype=torch.float64)}
        for name, part in data.drawn().items()
    }
    return {**parts, "equation": data.equation, "weight": torch.tensor(1.0)}


def scalars(setting: tuple[MLP, dict], *parts: Term, fixed: bool = True) -> dict[str, float]:
    """Scalars of an objective of these terms; beside them one that fixes values, at no weight."""
    model, batch = setting
    more = [Value("interior", 1e-300)] if fixed else []
    found = Pointwise([*parts, *more])(model, batch)
    return {name: float(item.detach()) for name, item in found.items()}
