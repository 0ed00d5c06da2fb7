"""Errors under an equation's own law, of fields whose errors are known beforehand."""

import pytest
import torch

from zoo.data.points.evaluation import Evaluation
from zoo.data.points.fresh import Fresh
from zoo.data.points.sampled import Sampled
from zoo.figures import figures
from zoo.metrics.beyond_time import BeyondTime
from zoo.metrics.gradient_error import GradientError
from zoo.metrics.point_error import PointError
from zoo.metrics.relative_l1 import RelativeL1
from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.ops.jets import AutogradJet
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.poisson_cube import PoissonCube
from zoo.pde.points.trivial import best_of_time

METRICS = (PointError, RelativeL1, BeyondTime, GradientError)


class Known(MLP):
    """A field that is a function given beforehand."""

    def __init__(self, interface: Interface, function) -> None:
        super().__init__(interface, width=1, layers=1)
        self.function = function
        self.double()

    def forward(self, x):
        return self.function(x)

    def own_jet(self, x):
        return AutogradJet(self.function, x, len(self.interface.inputs))


@pytest.fixture(scope="module")
def hjb():
    return Fresh(HamiltonJacobiBellman(8), evaluation=Sampled(600))


def measured(data, function, kinds=METRICS):
    model, found = Known(data.interface(), function), {}
    for kind in kinds:
        metric = kind()
        metric.name_systems(data.systems)
        with torch.no_grad():
            for batch in data.test_dataloader():
                metric.update(model, batch)
        found |= {name: float(value) for name, value in metric.compute().items()}
    return found


def truth(data):
    (batch,) = data.test_dataloader()
    return batch


def test_the_solution_has_no_error(hjb):
    found = measured(hjb, hjb.equation.solution)
    assert len(found) == 8 and max(found.values()) < 1e-9


def test_a_tenth_too_much_everywhere_is_an_error_of_a_tenth(hjb):
    found = measured(hjb, lambda x: 1.1 * hjb.equation.solution(x))
    for name in ("relative_l2", "relative_l1", "gradient_relative_l2"):
        assert found[name] == pytest.approx(0.1), name


def test_what_is_beyond_time_is_measured_by_the_size_of_what_x_tells(hjb):
    found = measured(hjb, lambda x: 1.1 * hjb.equation.solution(x))
    batch = truth(hjb)
    total = left = 0.0
    for u, h in zip(
        batch["y"].flatten().tolist(), batch["of_time"].flatten().tolist(), strict=True
    ):
        total, left = total + u * u, left + (u - h) ** 2
    assert found["beyond_time"] == pytest.approx(0.1 * (total / left) ** 0.5)


def test_a_field_that_knows_time_alone_scores_one_beyond_time(hjb):
    found = measured(hjb, lambda x: best_of_time(hjb.equation, x), (PointError, BeyondTime))
    assert found["beyond_time"] == pytest.approx(1, abs=1e-12)
    assert found["relative_l2"] < 0.2  # which its relative error does not show


def test_of_a_steady_problem_the_best_constant_scores_one():
    data = Fresh(PoissonCube(6), evaluation=Sampled(400))
    mean = truth(data)["y"].mean(0)
    found = measured(data, lambda x: mean.expand(len(x), 1), (BeyondTime,))
    assert found["beyond_time"] == pytest.approx(1)


def test_l1_errors_take_the_sum_of_absolute_values(hjb):
    batch = truth(hjb)
    found = measured(hjb, lambda x: x[:, 1:2], (RelativeL1,))
    error = sum(
        abs(a - u)
        for a, u in zip(batch["x"][:, 1].tolist(), batch["y"][:, 0].tolist(), strict=True)
    )
    size = sum(abs(u) for u in batch["y"][:, 0].tolist())
    assert found["relative_l1"] == pytest.approx(error / size)


@pytest.mark.parametrize("kind", METRICS)
def test_every_figure_stands_beside_all_predictors_and_the_best_of_them(hjb, kind):
    metric = kind()
    measured_by = measured(hjb, lambda x: 1.1 * hjb.equation.solution(x), (kind,))
    for entry in figures(hjb, "test", measured_by, metric, 0):
        assert len(entry["trivials"]) >= 3 and "time" in entry["trivials"]
        assert entry["trivial"] == min(entry["trivials"].values())


def test_on_a_lattice_time_is_not_told_apart():
    data = Fresh(HamiltonJacobiBellman(1), evaluation=Evaluation(4))
    with pytest.raises(ValueError, match="best function of time is not known at these points; set"):
        measured(data, data.equation.solution, (BeyondTime,))


def test_gradients_of_a_thousand_coordinates_are_measured_in_little_time_and_memory():
    data = Fresh(PoissonCube(1000), evaluation=Sampled(200))
    torch.manual_seed(0)
    model, metric = MLP(data.interface(), width=16, layers=2), GradientError()
    metric.name_systems(data.systems)
    with torch.no_grad():
        for batch in data.test_dataloader():
            metric.update(model, batch)
    (x,), total = [batch["x"].float() for batch in data.test_dataloader()], 0.0
    slopes = torch.autograd.functional.jacobian(lambda z: model(z).sum(0), x)[0]
    dy = truth(data)["dy"][:, 0]
    total = float((slopes.double() - dy).square().sum() / dy.square().sum())
    assert float(metric.compute()["gradient_relative_l2"]) == pytest.approx(total**0.5, rel=1e-5)
