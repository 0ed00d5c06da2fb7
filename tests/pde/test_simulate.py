import pytest
import torch
from torch.testing import assert_close

from zoo.pde.advection import Advection
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers
from zoo.pde.evolution import BlowUp
from zoo.pde.heat import Heat
from zoo.pde.simulate import Unresolved, simulate
from zoo.pde.transport import Transport
from zoo.pde.waves import RandomWaves

BOX = Box((2.0, 2.0), (32, 32))
TIMES = torch.arange(32).double() * 0.02


def distance(u, v):
    return ((u - v).flatten(2).norm(dim=2) / v.flatten(2).norm(dim=2)).amax(1)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_the_true_error_is_below_the_tolerance_for_every_sample(tolerance, rng):
    equation, times = Burgers(), TIMES[:16]
    u0, p = RandomWaves().sample(3, 2, rng), equation.draw(3, rng)
    frames, report = simulate(equation, BOX, u0, p, times, tolerance)
    fine = Box((2.0, 2.0), (160, 160))
    truth = fine.restrict(equation.evolve(fine, u0(fine), p, times, steps=8), BOX.shape)
    assert float(distance(frames, truth).max()) < tolerance
    assert bool((report.step_error + report.space_error <= 2 * tolerance).all())
    # the estimates are not idle: they are within a few orders of what they bound
    assert float(report.space_error.max()) > 1e-3 * tolerance


def test_one_dimension_meets_the_tolerance_too(rng):
    equation, box = Burgers(1), Box((2.0,), (64,))
    u0, p = RandomWaves().sample(16, 1, rng), equation.draw(16, rng)
    frames, _ = simulate(equation, box, u0, p, TIMES, 1e-6)
    fine = box.refined(10)
    truth = fine.restrict(equation.evolve(fine, u0(fine), p, TIMES, steps=16), box.shape)
    assert float(distance(frames, truth).max()) < 1e-6


def test_only_samples_that_fail_are_redone_finer(rng):
    equation = Burgers(1)
    p = equation.draw(3, rng)
    calm = RandomWaves(1, (0.05, 0.05), (1,)).sample(3, 1, rng)
    calm.amplitude[1] = 2.0
    _, report = simulate(equation, Box((2.0,), (32,)), calm, p, TIMES, 1e-6)
    assert report.factor.tolist()[::2] == [2, 2] and int(report.factor[1]) > 2
    assert int(report.steps[1]) > int(report.steps[0])
    assert sum(report.summary()["taken"].values()) == 3


@pytest.mark.parametrize("equation", [Heat(), Advection()], ids=lambda e: e.name)
def test_linear_equations_take_one_factor_on_the_grid_of_the_output(equation, rng):
    u0, p = RandomWaves().sample(4, 2, rng), equation.draw(4, rng)
    frames, report = simulate(equation, BOX, u0, p, TIMES)
    assert report.factor.tolist() == [1] * 4 and float(report.step_error.max()) == 0
    whole = Transport().draw(4, rng) * 0
    whole[:, {"heat": [0], "advection": [1, 2]}[equation.name]] = p
    same, _ = simulate(Transport(), BOX, u0, whole, TIMES)
    assert_close(frames, same, rtol=0, atol=1e-12)


def test_a_linear_equation_that_the_grid_cannot_hold_is_refined(rng):
    u0, p = RandomWaves(waves=(20,)).sample(2, 2, rng), Heat().draw(2, rng)
    frames, report = simulate(Heat(), BOX, u0, p, TIMES)
    assert report.factor.tolist() == [2, 2]
    assert float(frames[:, 1:].abs().max()) < 1e-12


def test_a_sample_that_stays_not_finite_is_named_with_its_coefficients(rng):
    equation = Burgers(1)
    u0, p = RandomWaves().sample(3, 1, rng), equation.draw(3, rng)
    u0.amplitude[2] = float("nan")
    with pytest.raises(BlowUp, match=r"sample 2 \(nu="):
        simulate(equation, Box((2.0,), (32,)), u0, p, TIMES[:4])


def test_a_tolerance_out_of_reach_is_an_error_that_says_what_to_do(rng):
    equation = Burgers(1)
    u0, p = RandomWaves().sample(2, 1, rng), equation.draw(2, rng)
    with pytest.raises(Unresolved, match="raise `finest`"):
        simulate(equation, Box((2.0,), (16,)), u0, p, TIMES, 1e-9, finest=2)
