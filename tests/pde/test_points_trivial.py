import functools

import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from zoo.pde.points import trivial
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.black_scholes_barenblatt import BlackScholesBarenblatt
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.euler_ball import EulerBall
from zoo.pde.points.forced_allen_cahn import ForcedAllenCahn
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall
from zoo.pde.points.poisson_cube import PoissonCube
from zoo.pde.points.trivial import best_of_time, trivial_errors

SOLVED = [e for cls in classes("zoo.pde.points", PointEquation) if not (e := cls()).closed]


@functools.cache
def found(problem, dimension, rows=2000):
    return trivial_errors(problem(dimension), rows=rows)


def test_time_and_a_constant_all_but_solve_the_heat_equation_in_a_hundred_dimensions():
    errors = found(HeatBall, 100)
    assert_close(errors["time"]["l1"], 0.00014, rtol=0.1, atol=0)
    assert_close(errors["t"]["l1"], 0.0097, rtol=0.05, atol=0)


@pytest.mark.parametrize(
    ("dimension", "l1", "l2", "mean_square"),
    [(250, 0.0071, 0.0094, 0.0010), (50, 0.0225, 0.0293, 0.0070), (10, 0.0905, 0.1165, 0.062)],
)
def test_published_errors_of_the_control_problem_are_those_of_time_alone(
    dimension, l1, l2, mean_square
):
    errors = found(HamiltonJacobiBellman, dimension)
    assert_close(errors["time"]["l1"], l1, rtol=0.06, atol=0)
    assert_close(errors["time"]["l2"], l2, rtol=0.06, atol=0)
    assert_close(errors["mean_square"]["l1"], mean_square, rtol=0.06, atol=0)


@pytest.mark.parametrize("equation", SOLVED, ids=lambda e: e.name)
def test_every_solved_problem_has_trivial_predictors_no_worse_than_zero(equation):
    errors = trivial_errors(equation, rows=400)
    assert {"constant", "affine", "quadratic"} <= set(errors)
    assert 0 < errors["constant"]["l2"] < 1.05


def test_a_family_that_holds_the_solution_finds_it():
    assert found(HeatBall, 10)["quadratic"]["l2"] < 1e-12
    assert found(HeatBall, 10)["time_radius"]["l2"] < 1e-8
    assert found(HeatBall, 10)["ansatz_constant"]["l2"] < 1e-12
    assert found(BlackScholesBarenblatt, 10)["time_radius"]["l2"] < 1e-3


def test_no_trivial_predictor_comes_near_the_forced_waves():
    errors = found(ForcedAllenCahn, 10)
    assert set(errors) >= {"ansatz", "ansatz_affine", "ansatz_time_radius", "quadratic"}
    assert min(each["l2"] for each in errors.values()) > 0.3


def test_a_larger_family_is_no_worse():
    for problem in (HamiltonJacobiBellman, ForcedAllenCahn, BlackScholesBarenblatt):
        errors = {name: each["l2"] for name, each in found(problem, 10).items()}
        for prefix in ("", "ansatz_"):
            order = [errors[prefix + name] for name in ("constant", "affine", "quadratic")]
            assert order == sorted(order, reverse=True)
            assert errors[prefix + "time_radius"] < errors[prefix + "radius"] * 1.05


def test_the_best_constant_leaves_the_standard_deviation(rng):
    equation = PoissonCube(5)
    x = equation.draw(20_000, rng)
    u = equation.solution(x)
    error = trivial_errors(equation, test_x=x, test_y=u)["constant"]["l2"]
    assert_close(error, float((u - u.mean()).norm() / u.norm()), rtol=0.001, atol=0)


def test_test_points_in_single_precision_are_measured_in_double(rng):
    equation = HeatBall(10)
    x = equation.draw(1000, rng).float()
    assert trivial_errors(equation, rows=1000, test_x=x)["quadratic"]["l2"] < 1e-12


def test_a_steady_problem_without_an_ansatz_has_neither():
    names = set(trivial_errors(SteadyAllenCahn(), rows=500))
    assert names == {"constant", "affine", "quadratic", "radius"}


def test_many_columns_give_the_least_squares_of_few(rng, monkeypatch):
    x, y = (torch.randn(300, n, dtype=torch.float64, generator=rng) for n in (40, 2))
    expected = trivial._solved(x, y)
    monkeypatch.setattr(trivial, "MANY", 1)
    assert_close(trivial._solved(x, y), expected, rtol=1e-12, atol=1e-13)


def test_fewer_rows_than_coefficients_are_refused():
    with pytest.raises(ValueError, match="rows=50 for 203 coefficients"):
        trivial_errors(HeatBall(100), rows=50)


def test_the_best_function_of_time_of_the_heat_equation_is_time_and_a_constant(rng):
    equation = HeatBall(20)
    x = equation.draw(50, rng)
    # r² has the mean N/(N + 2)
    expected = x[:, :1] + 0.5 / 22
    assert_close(best_of_time(equation, x), expected, rtol=0, atol=1e-3)


def test_the_best_function_of_time_does_not_look_at_the_place(rng):
    equation = HamiltonJacobiBellman(5)
    x = equation.draw(20, rng)
    other = torch.cat([x[:, :1], 3 * x[:, 1:]], 1)
    assert_close(best_of_time(equation, other), best_of_time(equation, x), rtol=0, atol=0)


def test_the_best_function_of_time_leaves_a_mean_of_nothing_at_every_time(rng):
    equation = ForcedAllenCahn(6)
    x = equation.draw(20_000, rng)
    for time in (0.1, 0.35, 0.9):
        x[:, 0] = time
        left = equation.solution(x) - best_of_time(equation, x, rows=40_000)
        assert left.mean().abs() < 0.05


def test_the_degree_of_time_is_high_enough(rng, monkeypatch):
    equation = HamiltonJacobiBellman(10)
    x = equation.draw(500, rng)
    low = best_of_time(equation, x, seed=5)
    monkeypatch.setattr(trivial, "IN_TIME", trivial.IN_TIME + 4)
    high = best_of_time(equation, x, seed=6)
    assert (high - low).norm() < 0.015 * low.norm()


def test_the_best_function_of_time_keeps_the_precision_of_its_points(rng):
    x = HeatBall(4).draw(5, rng).float()
    assert best_of_time(HeatBall(4), x).dtype == torch.float32


def test_a_steady_problem_has_no_function_of_time(rng):
    with pytest.raises(ValueError, match="steady"):
        best_of_time(SteadyAllenCahn(), SteadyAllenCahn().draw(3, rng))


def test_an_equation_without_a_solution_says_so():
    with pytest.raises(ValueError, match="euler_ball has no reference"):
        trivial_errors(EulerBall(), rows=500)
