"""Figures of a pendulum in phase space, measured again with plain loops; what metrics refuse."""

import math

import pytest
import torch

from tests.waves import Disc, Wave
from zoo.data.points.evaluation import Evaluation
from zoo.data.points.instances import Instances
from zoo.data.points.points import Points
from zoo.metrics.forcing_error import ForcingError
from zoo.metrics.gradient_error import GradientError
from zoo.metrics.initial_consistency import InitialConsistency
from zoo.metrics.phase_space_error import PhaseSpaceError
from zoo.metrics.point_error import PointError
from zoo.metrics.residual_error import ResidualError
from zoo.models.mlp import MLP
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.pendulum import Pendulum


def net(data):
    torch.manual_seed(1)
    return MLP(data.interface(), width=6, layers=2).double()


def measured(metric, data, model, change=list):
    metric.name_systems(data.systems)
    with torch.no_grad():
        for batch in change(data.test_dataloader()):
            metric.update(model, batch)
    return {name: float(value) for name, value in metric.compute().items()}


@pytest.fixture(scope="module")
def pendulum():
    evaluation = Evaluation(points_per_side=6)
    data = Points(Pendulum(end=1.0), evaluation=evaluation, instances=Instances(test=3))
    return data, net(data)


def at_start(model, u0, v0):
    """û_t and û_tt at t = 0."""
    point = torch.tensor([0.0, u0, v0], dtype=torch.float64)
    first = torch.autograd.functional.jacobian(lambda z: model(z[None])[0, 0], point)
    second = torch.autograd.functional.hessian(lambda z: model(z[None])[0, 0], point)
    return float(first[0]), float(second[0, 0])


def test_the_field_error_is_the_root_mean_square_over_phase_space(pendulum):
    data, model = pendulum
    squares = []
    for i in range(5):
        for j in range(5):
            u0, v0 = -math.pi / 2 + i * math.pi / 4, -1.5 + j * 0.75
            speed, bend = at_start(model, u0, v0)
            squares.append((speed - v0) ** 2)
            squares.append((bend + 0.981 * math.sin(u0) + 0.5 * v0) ** 2)
    found = measured(PhaseSpaceError(points_per_side=5), data, model)
    assert found == {"phase_space_rms": pytest.approx(math.sqrt(sum(squares) / 50))}


def test_the_field_error_is_on_the_paper_s_lattice_and_does_not_depend_on_batches(pendulum):
    data, model = pendulum
    metric = PhaseSpaceError()
    states = metric.states()
    assert len(states) == 62_500 and states[0].tolist() == pytest.approx([-math.pi / 2, -1.5])
    once = measured(metric, data, model, lambda batches: list(batches)[:1])
    assert measured(PhaseSpaceError(), data, model) == once
    assert metric.seen == {"phase_space_rms": 62_500}


def test_consistency_is_the_root_mean_square_slope_of_the_residual_by_initial_values(pendulum):
    data, model = pendulum

    def residual(point):
        first = torch.autograd.functional.jacobian(
            lambda z: model(z[None])[0, 0], point, create_graph=True
        )
        second = torch.autograd.functional.hessian(
            lambda z: model(z[None])[0, 0], point, create_graph=True
        )
        return second[0, 0] + 0.981 * model(point[None])[0, 0].sin() + 0.5 * first[0]

    found = []
    for values in data.instances.draw(data.equation)["test"]:
        squares = []
        for i in range(6):
            point = torch.cat([torch.tensor([i / 5], dtype=torch.float64), values])
            slope = torch.autograd.functional.jacobian(residual, point)
            squares += [float(slope[1]) ** 2, float(slope[2]) ** 2]
        found.append(math.sqrt(sum(squares) / len(squares)))
    figure = measured(InitialConsistency(), data, model)
    assert figure["consistency_rms"] == pytest.approx(sum(found) / 3)
    assert figure["pendulum/consistency_rms"] == figure["consistency_rms"]


def test_metrics_are_measured_alike_in_every_mode_of_torch(pendulum):
    data, model = pendulum
    for metric in (ResidualError(), InitialConsistency(), PhaseSpaceError(points_per_side=4)):
        values = []
        for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
            metric.reset()
            with mode():
                for batch in data.test_dataloader():
                    metric.update(model, batch)
                values.append(float(metric.compute()[metric.title]))
        assert values == pytest.approx([values[0]] * 3, rel=1e-12), metric.title


def test_a_field_that_solves_for_every_parameter_is_consistent():
    wave = Points(Wave(), evaluation=Evaluation(points_per_side=6))

    class Running(MLP):
        def jet(self, x):
            return wave.equation.jet(x)

    assert (
        measured(InitialConsistency(), wave, Running(wave.interface()).double())["consistency_rms"]
        < 1e-12
    )


MISTAKES = {
    "values without a solution": (PointError(), Disc(), {}, "disc has no reference solution"),
    "slopes without a solution": (GradientError(), Disc(), {}, "disc: no true derivatives"),
    "slopes that are not kept": (
        GradientError(),
        Wave(),
        {"derivatives": False},
        "set derivatives: true",
    ),
    "a source of none": (ForcingError(), Wave(), {}, "wave has no source; measure its residual"),
    "phase space of a wave": (PhaseSpaceError(), Wave(), {}, "wave has no phase space"),
    "consistency without parameters": (
        InitialConsistency(),
        SteadyAllenCahn(),
        {},
        "steady_allen_cahn has no parameters to differentiate by",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    metric, equation, options, words = MISTAKES[mistake]
    data = Points(equation, evaluation=Evaluation(4, **options))
    with pytest.raises(ValueError, match=words):
        measured(metric, data, net(data))


def test_too_many_instances_are_told():
    data = Points(Wave(), evaluation=Evaluation(2), instances=Instances(test=65))
    with pytest.raises(ValueError, match="65 instances; a metric holds up to 64"):
        measured(PointError(), data, net(data))
