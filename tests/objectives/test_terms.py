"""Terms over points, each derived again with plain loops."""

import math
from pathlib import Path

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import scalars
from tests.waves import Disc, Half
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.models.field import Field
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.hessian import Hessian
from zoo.objectives.terms.periodic import Periodic
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.side_residual import SideResidual
from zoo.objectives.terms.stochastic_hessian import StochasticHessian
from zoo.objectives.terms.value import Value
from zoo.objectives.terms.velocity import Velocity

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wave():
    data = toys.wave()
    return toys.field(data), toys.wide(data)


@pytest.fixture(scope="module")
def half():
    data = toys.wave(Half())
    return toys.field(data), toys.wide(data)


@pytest.fixture(scope="module")
def disc():
    data = Points(Disc(), [Interior(6), Sides(5)], seed=1)
    return toys.field(data), toys.wide(data)


def value(model, point):
    return model(point[None])[0].tolist()


def gradient(model, point, d=2):
    """∂u_c/∂x_i of one point, coordinates only."""
    return torch.autograd.functional.jacobian(lambda z: model(z[None])[0], point)[:, :d].tolist()


def hessian(model, point, channel=0, d=2):
    found = torch.autograd.functional.hessian(lambda z: model(z[None])[0, channel], point)
    return found[:d, :d].tolist()


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def test_value_is_the_mean_square_over_points_and_outputs(half):
    model, batch = half
    part = batch["interior"]
    squares = [
        (a - b) ** 2
        for x, y in zip(part["x"], part["y"].tolist(), strict=True)
        for a, b in zip(value(model, x), y, strict=True)
    ]
    assert scalars(half, Value("interior"))["loss"] == pytest.approx(mean(squares))


def test_value_leaves_out_outputs_that_are_not_known(half):
    model, batch = half
    part = batch["initial"]
    pairs = zip(part["x"], part["y"].tolist(), strict=True)
    squares = [(value(model, x)[0] - y[0]) ** 2 for x, y in pairs]
    assert scalars(half, Value("initial"))["value_initial"] == pytest.approx(mean(squares))


def test_gradient_is_the_mean_square_over_points_outputs_and_coordinates(half):
    model, batch = half
    part, squares = batch["interior"], {"t": [], "x": []}
    for x, dy in zip(part["x"], part["dy"].tolist(), strict=True):
        for found, wanted in zip(gradient(model, x), dy, strict=True):
            for name, a, b in zip(("t", "x"), found, wanted, strict=True):
                squares[name].append((a - b) ** 2)
    both = squares["t"] + squares["x"]
    assert scalars(half, Gradient())["gradient_interior"] == pytest.approx(mean(both))
    only = scalars(half, Gradient(by=["t"]))["gradient_interior"]
    assert only == pytest.approx(mean(squares["t"]))


def test_hessian_is_the_mean_square_over_all_entries_both_mixed_ones_too(wave):
    model, batch = wave
    part = batch["interior"]
    squares = [
        (a - b) ** 2
        for x, ddy in zip(part["x"], part["ddy"].tolist(), strict=True)
        for found, wanted in zip(hessian(model, x), ddy[0], strict=True)
        for a, b in zip(found, wanted, strict=True)
    ]
    assert len(squares) == 4 * len(part["x"])
    assert scalars(wave, Hessian())["hessian_interior"] == pytest.approx(mean(squares))


def test_residual_is_the_mean_square_of_the_equation(wave):
    model, batch = wave
    squares = []
    for x in batch["interior"]["x"]:
        (by_t, by_x), speed = gradient(model, x)[0], float(x[2])
        squares.append((by_t + speed * by_x) ** 2)
    assert scalars(wave, Residual())["residual_interior"] == pytest.approx(mean(squares))


def test_periodic_is_the_mean_square_of_the_two_ends_difference(wave):
    model, batch = wave
    values, slopes = [], []
    for x, other in zip(batch["periodic"]["x"], batch["periodic"]["other"], strict=True):
        values.append((value(model, x)[0] - value(model, other)[0]) ** 2)
        pairs = zip(gradient(model, x)[0], gradient(model, other)[0], strict=True)
        slopes.append(mean((a - b) ** 2 for a, b in pairs))
    assert scalars(wave, Periodic())["periodic_periodic"] == pytest.approx(mean(values))
    found = scalars(wave, Periodic(order=1))["periodic_periodic"]
    assert found == pytest.approx(mean(values) + mean(slopes))


def test_velocity_is_the_mean_square_over_what_is_known_at_first(half):
    model, batch = half
    part, squares = batch["initial"], []
    for x, y, dy in zip(part["x"], part["y"].tolist(), part["dy"].tolist(), strict=True):
        squares.append((value(model, x)[0] - y[0]) ** 2)
        squares.append((gradient(model, x)[0][1] - dy[0][1]) ** 2)
    assert scalars(half, Velocity())["velocity_initial"] == pytest.approx(mean(squares))


def test_what_is_not_known_leaves_finite_gradients(half):
    model, batch = half
    model.zero_grad()
    Pointwise([Velocity(), Value("initial")])(model, batch)["loss"].backward()
    assert all(bool(p.grad.isfinite().all()) and p.grad.any() for p in model.parameters())
    model.zero_grad()


def test_a_network_that_is_nan_is_not_taken_for_a_missing_target(half):
    _, batch = half
    broken = toys.field(toys.wave(Half()))
    with torch.no_grad():
        broken.linear[0].bias.fill_(math.nan)
    assert math.isnan(scalars((broken, batch), Velocity(), fixed=False)["loss"])


def test_side_residual_is_the_mean_square_of_what_holds_at_the_wall(disc):
    model, batch = disc
    squares = []
    for x in batch["boundary"]["x"]:
        by_x, by_y = gradient(model, x)[0]
        squares.append((by_x * float(x[0]) + by_y * float(x[1]) - 2) ** 2)
    model_and_value = {**batch, "known": {**batch["boundary"], "y": torch.zeros(5, 1)}}
    found = Pointwise([SideResidual()], [Value("known", 1e-300)])(model, model_and_value)
    assert float(found["sideresidual_boundary"]) == pytest.approx(mean(squares))


def test_a_stochastic_hessian_is_the_mean_norm_along_its_directions(wave):
    model, batch = wave
    part, sigma = batch["interior"], 0.01
    torch.manual_seed(5)
    found = scalars(wave, StochasticHessian(directions=3))["stochastichessian_interior"]
    torch.manual_seed(5)
    v = torch.randn(3, 2, dtype=torch.float64)
    norms = []
    for x, ddy in zip(part["x"], part["ddy"].tolist(), strict=True):
        for one in v:
            unit = one / one.norm()
            moved = x.clone()
            moved[:2] += sigma * unit
            there, here = gradient(model, moved)[0], gradient(model, x)[0]
            entries = [
                (there[i] - here[i]) / sigma - sum(ddy[0][i][j] * float(unit[j]) for j in (0, 1))
                for i in (0, 1)
            ]
            norms.append(math.sqrt(sum(e * e for e in entries)))
    assert found == pytest.approx(mean(norms))


def test_a_stochastic_hessian_of_the_right_field_is_zero_up_to_its_distance(wave):
    _, batch = wave
    equation = batch["equation"]

    class Right(Field):
        interface = toys.wave().interface()

        def jet(self, x):
            return equation.jet(x)

    part = batch["interior"]
    sizes = [
        StochasticHessian(distance=s)(Right(), equation.jet(part["x"]), part, equation).mean()
        for s in (1e-3, 1e-4)
    ]
    assert float((sizes[0] / sizes[1]).detach()) == pytest.approx(10, rel=0.05)
