"""Where the points of problems in any dimension lie."""

import math

import pytest
import torch
from torch.testing import assert_close

from zoo.ops.jets import AutogradJet
from zoo.pde.points.allen_cahn_front import AllenCahnFront
from zoo.pde.points.black_scholes_barenblatt import BlackScholesBarenblatt
from zoo.pde.points.forced_allen_cahn import ForcedAllenCahn
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall
from zoo.pde.points.plane_wave_poisson import PlaneWavePoisson

SPACES = [AllenCahnFront, BlackScholesBarenblatt, ForcedAllenCahn, HamiltonJacobiBellman]
spaces = pytest.mark.parametrize("space", SPACES)
every = pytest.mark.parametrize("problem", [*SPACES, HeatBall, PlaneWavePoisson])


@every
def test_the_residual_of_the_solution_is_zero_by_automatic_differentiation(problem, rng):
    equation = problem(5)
    x = equation.draw(100, rng)
    jet = AutogradJet(equation.solution, x, len(equation.coordinates))
    assert equation.residual(x, jet).abs().max() < 1e-10


@every
def test_a_thousand_dimensions_ask_for_no_pass_by_coordinate(problem, rng):
    equation = problem(1000)
    x = equation.draw(500, rng)
    scale = equation.solution(x).abs().max()
    assert equation.residual(x, equation.jet(x)).abs().max() < 1e-12 * max(1.0, float(scale))
    sides = equation.draw_sides if equation.sided else equation.draw_initial
    assert sides(50, rng).shape == x[:50].shape


@every
def test_no_space_has_fewer_than_one_dimension(problem):
    with pytest.raises(ValueError, match="dimension=0 must be 1 or more"):
        problem(0)


@spaces
def test_an_end_before_the_beginning_is_refused(space):
    with pytest.raises(ValueError, match="must be after 0"):
        space(2, end=-1.0)


@spaces
def test_no_place_of_a_whole_space_lies_outside(space, rng):
    equation = space(6)
    x = equation.draw(10, rng)
    x[:, 1:] *= 100
    assert equation.distance(x).max() == 0


@spaces
def test_a_whole_space_has_no_sides(space, rng):
    with pytest.raises(ValueError, match="no sides"):
        space(2).draw_sides(3, rng)


@pytest.mark.parametrize("space", [AllenCahnFront, ForcedAllenCahn, HamiltonJacobiBellman])
def test_places_are_normal_and_times_uniform(space, rng):
    equation = space(40)
    x = equation.draw(5000, rng)
    square = x[:, 1:].square().sum(1)
    assert_close(square.mean(), torch.tensor(40.0).double(), rtol=0, atol=4 * math.sqrt(80 / 5000))
    assert_close(square.var(), torch.tensor(80.0).double(), rtol=0.1, atol=0)
    time = x[:, 0] / equation.end
    assert_close(time.sort().values, torch.linspace(0, 1, 5000).double(), rtol=0, atol=0.03)


def test_the_squared_radius_of_a_point_in_the_ball_has_the_mean_of_the_ball(rng):
    for dimension in (2, 10, 100):
        square = HeatBall(dimension).draw(20_000, rng)[:, 1:].square().sum(1)
        # r^N is uniform
        uniform = (square.sort().values ** (dimension / 2)).sub(torch.linspace(0, 1, 20_000))
        assert uniform.abs().max() < 0.015
        assert_close(float(square.mean()), dimension / (dimension + 2), rtol=0.01, atol=0)


def test_directions_in_the_ball_favour_none(rng):
    x = HeatBall(5).draw_sides(20_000, rng)[:, 1:]
    assert_close(x.norm(dim=1), torch.ones(20_000).double(), rtol=0, atol=1e-14)
    spread = 5 * x.T @ x / len(x)
    assert_close(spread, torch.eye(5).double(), rtol=0, atol=0.04)


def test_outside_the_ball_the_distance_is_that_to_the_sphere(rng):
    equation = HeatBall(7)
    x = equation.draw_sides(20, rng)
    x[:, 1:] *= 1.3
    assert_close(equation.distance(x), torch.full((20,), 0.3).double())
    x[:, 0] = 1.4
    assert_close(equation.distance(x), torch.full((20,), 0.5).double())


def test_paths_of_prices_keep_their_mean_and_grow_in_spread(rng):
    equation = BlackScholesBarenblatt(6)
    x = equation.draw_initial(20_000, rng)[:, 1:]
    start = torch.tensor([1.0, 0.5]).double().repeat(3)
    assert_close(x.mean(0), start, rtol=0.02, atol=0)
    assert_close(x.square().mean(0), start.square() * math.exp(0.16), rtol=0.04, atol=0)
    early = equation.draw(20_000, rng)
    early = early[early[:, 0] < 0.05, 1:]
    assert_close(early.mean(0), start, rtol=0.02, atol=0)
    assert early.std(0).max() < x.std(0).min()


def test_the_box_of_prices_holds_all_but_one_in_ten_thousand(rng):
    equation = BlackScholesBarenblatt(1)
    x = equation.draw_initial(100_000, rng)[:, 1]
    assert (x > equation.region["x1"][1]).double().mean() < 1e-4


def test_the_front_runs_at_its_speed_from_one_to_zero(rng):
    equation = AllenCahnFront(9)
    normal = torch.ones(9).double() / 3
    t = torch.linspace(0, equation.end, 7).double()
    place = 3 / (math.sqrt(2) * equation.width) * (equation.end / 2 - t)
    x = torch.cat([t[:, None], place[:, None] * normal], 1)
    assert_close(equation.solution(x), torch.full((7, 1), 0.5).double())
    ahead, behind = x.clone(), x.clone()
    ahead[:, 1:] += 9 * normal
    behind[:, 1:] -= 9 * normal
    assert equation.solution(ahead).max() < 1e-6 and equation.solution(behind).min() > 1 - 1e-6


def test_two_dimensions_are_the_published_poisson_problem(rng):
    equation = PlaneWavePoisson()
    x = equation.draw(30, rng)
    total = x.sum(1, keepdim=True)
    assert_close(equation.solution(x), total.sin() / 2)
    zero = AutogradJet(lambda x: 0 * x[:, :1], x, 2)
    assert_close(-equation.residual(x, zero), -total.sin())


def test_the_wave_number_does_not_depend_on_the_dimension(rng):
    for dimension in (2, 30):
        equation = PlaneWavePoisson(dimension, wave_number=2 * math.pi)
        jet = equation.jet(equation.draw(20, rng))
        assert_close(jet.laplacian(), -4 * math.pi**2 * jet.value)


def test_brownian_paths_spread_by_twice_the_time_that_they_ran(rng):
    x = HamiltonJacobiBellman(400).draw_paths(4000, rng)
    t, spread = x[:, 0], x[:, 1:].square().mean(1)  # 1 + 2·past, past uniform in 0 ... t
    late = t > 0.9
    assert_close(spread[late].mean(), 1 + t[late].mean(), rtol=0.03, atol=0)
    assert spread[late].max() > 2.4 and spread[late].min() < 1.3
    assert_close(t.mean(), torch.tensor(0.5).double(), rtol=0.03, atol=0)


def test_an_equation_without_brownian_paths_says_so(rng):
    with pytest.raises(ValueError, match="black_scholes_barenblatt: its residual is not u_t"):
        BlackScholesBarenblatt(3).draw_paths(5, rng)
