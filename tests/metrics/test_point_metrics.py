"""Errors of fields over lattices, each measured again with plain loops."""

import math
import random

import pytest
import torch

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.points import Points
from zoo.figures import figures
from zoo.metrics.forcing_error import ForcingError
from zoo.metrics.gradient_error import GradientError
from zoo.metrics.point_error import PointError
from zoo.metrics.relative_l1 import RelativeL1
from zoo.metrics.residual_error import ResidualError
from zoo.models.base import block, build
from zoo.models.mlp import MLP
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn

RATES = [0.5, 2.0]
REGIONS = {"left": {"x": (-1.0, 0.0)}}


def net(data):
    torch.manual_seed(1)
    return MLP(data.interface(), width=6, layers=2).double()


@pytest.fixture(scope="module")
def family():
    """A family of two instances on a lattice of 7 by 5 points, and a field that knows nothing."""
    evaluation = Evaluation({"x": 7, "y": 5}, regions=REGIONS)
    data = Points(
        DecayingAllenCahn(), evaluation=evaluation, instances=Instances(test=[[r] for r in RATES])
    )
    return data, net(data)


def measured(metric, data, model, change=list):
    metric.name_systems(data.systems)
    with torch.no_grad():
        for batch in change(data.test_dataloader()):
            metric.update(model, batch)
    return {name: float(value) for name, value in metric.compute().items()}


def derivatives(model, point):
    """Value, gradient and unmixed second derivatives by coordinates."""
    u = float(model(point[None]).detach())
    first = torch.autograd.functional.jacobian(lambda z: model(z[None])[0, 0], point)
    second = torch.autograd.functional.hessian(lambda z: model(z[None])[0, 0], point)
    return u, first[:2].tolist(), second.diagonal()[:2].tolist()


def truth(x, y, rate):
    """The solution, its gradient and its Laplacian."""
    decay = math.exp(-rate * (x + 0.7))
    sx, cx = math.sin(math.pi * x), math.cos(math.pi * x)
    sy, cy = math.sin(math.pi * y), math.cos(math.pi * y)
    u, pi = sx * sy * decay, math.pi
    gradient = [(pi * cx - rate * sx) * sy * decay, pi * sx * cy * decay]
    by_x = ((rate**2 - pi**2) * sx - 2 * rate * pi * cx) * sy * decay
    return u, gradient, by_x - pi**2 * u


def forcing(u, laplacian, rate):
    return rate * laplacian + u**3 - u


def loops(model, error, size):
    """Per region and instance: Σ error², Σ size², points."""
    sums = {}
    for rate in RATES:
        for i in range(7):
            for j in range(5):
                x, y = -1 + i / 3, -1 + j / 2
                found = derivatives(model, torch.tensor([x, y, rate], dtype=torch.float64))
                wanted = truth(x, y, rate)
                for region in ("left" if x <= 1e-12 else "rest", ""):
                    old = sums.get((region, rate), (0.0, 0.0, 0))
                    sums[region, rate] = (
                        old[0] + error(found, wanted, rate),
                        old[1] + size(found, wanted, rate),
                        old[2] + 1,
                    )
    return sums


def check(found, title, sums, scaled):
    for region in ("left", "rest", ""):
        values = [scaled(*sums[region, rate]) for rate in RATES]
        name = f"{region}/{title}" if region else title
        assert found[name] == pytest.approx(sum(values) / len(values), rel=1e-9), name


CELL = (1 / 3) * (1 / 2)
NORMS = {
    "relative": lambda e, s, _: math.sqrt(e / s),
    "first": lambda e, s, _: e / s,
    "l2": lambda e, _, __: math.sqrt(CELL * e),
}
KINDS = {
    "relative_l2": (
        PointError(),
        lambda f, t, _: (f[0] - t[0]) ** 2,
        lambda _, t, __: t[0] ** 2,
        "relative",
    ),
    "relative_l1": (
        RelativeL1(),
        lambda f, t, _: abs(f[0] - t[0]),
        lambda _, t, __: abs(t[0]),
        "first",
    ),
    "l2": (PointError(relative=False), lambda f, t, _: (f[0] - t[0]) ** 2, lambda *_: 0, "l2"),
    "gradient_relative_l2": (
        GradientError(),
        lambda f, t, _: sum((a - b) ** 2 for a, b in zip(f[1], t[1], strict=True)),
        lambda _, t, __: sum(b**2 for b in t[1]),
        "relative",
    ),
    "gradient_l2": (
        GradientError(relative=False),
        lambda f, t, _: sum((a - b) ** 2 for a, b in zip(f[1], t[1], strict=True)),
        lambda *_: 0,
        "l2",
    ),
    "residual_l2": (
        ResidualError(),
        lambda f, t, r: (forcing(f[0], sum(f[2]), r) - forcing(t[0], t[2], r)) ** 2,
        lambda *_: 0,
        "l2",
    ),
    "forcing_relative_l2": (
        ForcingError(),
        lambda f, t, r: (forcing(f[0], sum(f[2]), r) - forcing(t[0], t[2], r)) ** 2,
        lambda _, t, r: forcing(t[0], t[2], r) ** 2,
        "relative",
    ),
}


@pytest.mark.parametrize("title", KINDS)
def test_an_error_is_the_mean_over_instances_of_norms_by_region_and_over_all(title, family):
    data, model = family
    metric, error, size, norm = KINDS[title]
    assert metric.title == title
    metric.reset()
    check(measured(metric, data, model), title, loops(model, error, size), NORMS[norm])
    assert metric.seen == {f"left/{title}": 40, f"rest/{title}": 30, title: 70}


def cut(batches):
    """The same points in uneven batches in another order."""
    pieces = []
    for batch in batches:
        for start, end in ((0, 1), (1, 20), (20, len(batch["x"]))):
            keys = [k for k in batch if isinstance(batch[k], torch.Tensor)]
            pieces.append({**batch, **{k: batch[k][start:end] for k in keys}})
    random.Random(3).shuffle(pieces)
    return pieces


@pytest.mark.parametrize("title", KINDS)
def test_neither_the_order_nor_the_size_of_batches_matters(title, family):
    data, model = family
    metric = KINDS[title][0]
    metric.reset()
    whole = measured(metric, data, model)
    metric.reset()
    assert measured(metric, data, model, cut) == pytest.approx(whole, rel=1e-12)


def test_the_truth_has_no_error(family):
    data, _ = family

    class Truth(MLP):
        def forward(self, x):
            return data.equation.solution(x)

        def jet(self, x):
            return data.equation.jet(x)

    right = Truth(data.interface()).double()
    for metric in (PointError(), GradientError(), ResidualError(), ForcingError()):
        assert measured(metric, data, right)[metric.title] < 1e-13


def test_a_region_without_points_is_left_out():
    evaluation = Evaluation(5, regions={"all": {"x": (-1.0, 1.0)}})
    data = Points(SteadyAllenCahn(), evaluation=evaluation)
    assert set(measured(PointError(), data, net(data))) == {"all/relative_l2", "relative_l2"}


def test_only_relative_errors_of_values_have_trivial_predictors(family):
    data, model = family
    for metric in (PointError(), GradientError(), PointError(relative=False)):
        entries = figures(data, "test", measured(metric, data, model), metric, 0)
        for entry in entries:
            if metric.title != "relative_l2":
                assert entry["trivial"] is None
                continue
            name = entry["name"].removeprefix("test/").rpartition("/")[0]
            assert entry["trivial"] == min(data.trivials("test")[name].values()) <= 1
        assert len(entries) == 3


def test_the_blocks_of_a_figure_measure_it_again(family):
    data, model = family
    entry = figures(data, "test", {"relative_l2": 0.5}, PointError(relative=False), 0)[0]
    blocks = {key: entry["data"][key] for key in ("class_path", "init_args")}
    allowed = ("zoo.data.", "zoo.pde.", "zoo.metrics.")
    again, metric = (build(b, object, allowed) for b in (blocks, entry["metric"]))
    want = measured(PointError(relative=False), data, model)
    assert measured(metric, again, model) == want
    assert block(again) == blocks
