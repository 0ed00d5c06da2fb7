import math

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.points import pendulum
from zoo.pde.points.pendulum import Pendulum

KINDS = [Pendulum(0.5), Pendulum(0.0)]
every = pytest.mark.parametrize("equation", KINDS, ids=["damped", "conservative"])


def at(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def corners(equation, rng, count=300):
    """Drawn points, the first of them from the four corners of the initial values."""
    x = equation._uniform(count, rng)
    angle, speed = equation.angle, equation.speed
    x[:4, 1:] = at([angle, speed], [angle, -speed], [-angle, speed], [-angle, -speed])
    x[:4, 0] = equation.end
    return x


@every
def test_half_the_step_and_six_more_terms_move_the_reference_by_round_off(
    equation, rng, monkeypatch
):
    x = corners(equation, rng)
    found = equation.states(x)
    monkeypatch.setattr(pendulum, "REACH", pendulum.REACH / 2)
    monkeypatch.setattr(pendulum, "ORDER", pendulum.ORDER + 6)
    assert (equation.states(x) - found).abs().max() < 1e-13


def test_released_from_rest_it_returns_after_the_elliptic_period():
    equation = Pendulum(0.0, angle=2.5, end=20.0)
    for angle in (0.1, 1.0, 2.5):
        a, b = 1.0, math.cos(angle / 2)
        for _ in range(8):
            a, b = (a + b) / 2, math.sqrt(a * b)
        period = 2 * math.pi * math.sqrt(10 / 9.81) / a
        assert_close(
            equation.states(at([period, angle, 0.0])), at([angle, 0.0]), atol=1e-12, rtol=0
        )


def test_a_small_swing_decays_as_the_linear_oscillator():
    equation = Pendulum(0.5)
    t = torch.linspace(0, 10, 41, dtype=torch.float64)
    x = torch.stack([t, torch.full_like(t, 1e-6), torch.zeros_like(t)], 1)
    rate = math.sqrt(9.81 / 10 - 0.25**2)
    close = 1e-6 * (-0.25 * t).exp() * ((rate * t).cos() + 0.25 / rate * (rate * t).sin())
    assert_close(equation.solution(x)[:, 0], close, rtol=0, atol=1e-17)


def test_without_damping_the_energy_stays(rng):
    equation = Pendulum(0.0)
    x = corners(equation, rng)
    assert_close(equation.energy(equation.states(x)), equation.energy(x[:, 1:]), rtol=1e-13, atol=0)


def test_with_damping_the_energy_falls(rng):
    equation = Pendulum(0.5)
    x = torch.linspace(0, 10, 101, dtype=torch.float64)[:, None] * at([1.0, 0.0, 0.0])
    energy = equation.energy(equation.states(x + at([0.0, 0.7, -1.2])))
    assert bool((energy.diff() < 0).all())


@every
def test_every_derivative_in_time_is_that_of_the_one_below(equation, rng):
    x, h = corners(equation, rng, 40), 1e-3
    x[:, 0] += 0.1
    jet = equation.jet(x)
    ahead, behind = equation.jet(x + at([h, 0, 0])), equation.jet(x - at([h, 0, 0]))
    for order in range(5):
        axes = [0] * order
        close = (ahead.derivative(*axes) - behind.derivative(*axes)) / (2 * h)
        assert_close(jet.derivative(0, *axes), close, rtol=0, atol=2e-5)


@every
def test_the_vector_field_is_the_change_of_the_state(equation, rng):
    x = corners(equation, rng)
    x[:, 0] = 0.0
    jet = equation.jet(x)
    close = torch.cat([jet.gradient[..., 0], jet.second()[..., 0]], 1)
    assert_close(equation.field(x[:, 1:]), close, rtol=0, atol=1e-15)


@every
def test_initial_angle_and_speed_are_the_parameters(equation):
    known = equation.initial(at([0.0, 0.3, -1.1]))
    assert known["y"].tolist() == [[0.3]] and known["dy"].tolist() == [[[-1.1]]]


@every
def test_rows_that_share_a_trajectory_equal_rows_one_by_one(equation, rng):
    x = corners(equation, rng, 4)
    shared = x[:2, 1:].repeat(2, 1)
    x = torch.cat([x[:, :1], shared], 1)
    alone = torch.cat([equation.states(row[None]) for row in x])
    assert_close(equation.states(x), alone, rtol=0, atol=1e-14)


def test_more_trajectories_than_one_batch_equal_their_parts(rng, monkeypatch):
    equation = Pendulum()
    x = corners(equation, rng, 30)
    whole = equation.states(x)
    monkeypatch.setattr(pendulum, "BATCH", 13)
    assert_close(equation.states(x), whole, rtol=0, atol=1e-14)


def test_no_points_have_no_states():
    assert Pendulum().solution(torch.zeros(0, 3)).shape == (0, 1)


def test_bad_arguments_and_points_name_value_and_rule():
    with pytest.raises(ValueError, match=r"damping=-0.1 .*friction"):
        Pendulum(-0.1)
    with pytest.raises(ValueError, match=r"length=0.0 .*positive"):
        Pendulum(length=0.0)
    with pytest.raises(ValueError, match=r"t=-1.0; .*begins at t = 0"):
        Pendulum().solution(at([-1.0, 0.1, 0.1]))
    with pytest.raises(ValueError, match=r"widen"):
        Pendulum().solution(at([1.0, 0.1, 40.0]))
