"""Continuity, Kovasznay's flow and Euler's in the ball: what each is known for."""

import math

import pytest
import torch
from torch.testing import assert_close

from zoo.ops.jets import AutogradJet
from zoo.pde.points.continuity import BLOBS, Continuity
from zoo.pde.points.euler_ball import EulerBall
from zoo.pde.points.kovasznay import Kovasznay


def at(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def in_ball(rng, count=200):
    """Rows (t, x, y, z) in the ball."""
    ball = EulerBall()
    x = ball._uniform(4 * count, rng)
    return x[ball.inside(x)][:count]


def test_the_density_returns_after_a_full_turn(rng):
    equation = Continuity()
    x = equation._uniform(300, rng)
    turned = x + at([2 * math.pi, 0, 0])
    assert_close(equation.solution(turned), equation.solution(x), rtol=0, atol=1e-13)


def test_after_a_quarter_turn_each_gaussian_stands_at_its_centre_turned_left():
    start = at(*[(0.0, x, y) for x, y in BLOBS])
    turned = at(*[(math.pi / 2, -y, x) for x, y in BLOBS])
    equation = Continuity()
    assert_close(equation.solution(turned), equation.solution(start), rtol=0, atol=1e-13)
    assert equation.solution(start).min() > 1


def test_the_mass_of_four_gaussians_stays_four_pi_over_twenty():
    side = torch.linspace(-1.5, 1.5, 121, dtype=torch.float64)
    x, y = torch.meshgrid(side, side, indexing="ij")
    for t in (0.0, 0.7, 2.0):
        rows = torch.stack([torch.full_like(x, t), x, y], -1).view(-1, 3)
        mass = float(Continuity().solution(rows).sum()) * 0.025**2
        assert mass == pytest.approx(4 * math.pi / 20, abs=1e-6)


def test_the_density_at_the_sides_is_small_and_not_zero(rng):
    rho = Continuity(2 * math.pi).boundary(Continuity(2 * math.pi).draw_sides(4000, rng))
    assert 1e-6 < float(rho.max()) < 4e-6


def test_the_decay_of_kovasznays_flow_is_the_published_one():
    assert Kovasznay(50.0).decay == pytest.approx(25 - math.sqrt(625 + 4 * math.pi**2), rel=1e-12)
    assert Kovasznay(50.0).decay == pytest.approx(-0.777, abs=1e-3)
    assert Kovasznay(40.0).decay == pytest.approx(-0.9637405, abs=1e-7)


def test_kovasznays_flow_has_no_divergence(rng):
    equation = Kovasznay()
    slopes = equation.jet(equation._uniform(300, rng)).gradient.detach()
    assert (slopes[:, 0, 0] + slopes[:, 1, 1]).abs().max() < 1e-13


def test_kovasznays_flow_at_another_viscosity_is_not_this_one(rng):
    x = Kovasznay()._uniform(50, rng)
    assert Kovasznay(40.0).residual(x, Kovasznay(50.0).jet(x)).abs().max() > 0.1


def spun(x):
    """A steady Euler flow around the z axis: density falls outwards, pressure holds it together."""
    across, up = x[:, 1], x[:, 2]
    square = across**2 + up**2
    rho = 1.5 - square
    pressure = 0.75 * square - square**2 / 4
    return torch.stack([rho, -rho * up, rho * across, 0 * rho, pressure], 1)


def carried(x):
    """A density carried along by a wind that is the same everywhere."""
    wind = at(0.3, -0.5, 0.2)
    rho = 2 + (x[:, 1:] - wind * x[:, :1]).sum(1, keepdim=True).sin()
    return torch.cat([rho, rho * wind, 0 * rho + 0.7], 1)


@pytest.mark.parametrize("flow", [spun, carried])
def test_flows_that_solve_eulers_equations_have_no_residual(flow, rng):
    x = in_ball(rng)
    assert EulerBall().residual(x, AutogradJet(flow, x, 4)).abs().max() < 1e-13


def test_a_flow_out_of_balance_shows_in_its_own_residual_alone(rng):
    x = in_ball(rng)

    def unheld(x):
        return spun(x) * at(1.0, 1.0, 1.0, 1.0, 0.0)

    residual = EulerBall().residual(x, AutogradJet(unheld, x, 4)).detach().abs().amax(0)
    assert bool((residual[[0, 3, 4]] < 1e-13).all()) and bool((residual[[1, 2]] > 0.1).all())


def test_a_flow_around_the_axis_does_not_cross_the_sphere_and_the_wind_does(rng):
    ball = EulerBall()
    x = ball.draw_sides(200, rng)
    assert ball.side_residual(x, AutogradJet(spun, x, 4)).abs().max() < 1e-14
    assert ball.side_residual(x, AutogradJet(carried, x, 4)).abs().max() > 0.5


def test_sides_of_the_ball_are_points_on_the_sphere_everywhere_and_at_all_times(rng):
    x = EulerBall().draw_sides(4000, rng)
    assert_close(x[:, 1:].norm(dim=1), torch.ones(4000, dtype=torch.float64))
    assert x[:, 1:].mean(0).abs().max() < 0.05
    assert float(x[:, 0].mean()) == pytest.approx(0.275, abs=0.01)


def test_the_flow_in_the_ball_begins_with_the_stated_density_and_velocity():
    y = EulerBall().initial(at([0.0, 0.5, 0.5, 0.0]))["y"][0]
    assert_close(y[:4], torch.tensor([1.0, -2.0, -0.5, 0.5], dtype=torch.float64))
    assert bool(y[4].isnan())


def test_the_flow_in_the_ball_begins_without_divergence(rng):
    x = in_ball(rng)

    def start(x):
        return EulerBall().initial(x)["y"].nan_to_num()

    assert EulerBall().residual(x, AutogradJet(start, x, 4))[:, 4].abs().max() < 1e-13


def test_an_equation_without_a_wall_has_no_residual_at_its_sides(rng):
    equation = Continuity()
    x = equation.draw_sides(4, rng)
    assert equation.side_residual(x, equation.jet(x)) is None


def test_bad_arguments_name_value_and_rule():
    with pytest.raises(ValueError, match=r"reynolds=0.0 must be positive"):
        Kovasznay(0.0)
    for cls in (Continuity, EulerBall):
        with pytest.raises(ValueError, match=r"end=0.0 .*after 0"):
            cls(0.0)
