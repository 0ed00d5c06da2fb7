import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from zoo.ops.jets import AutogradJet
from zoo.pde.points import hamilton_jacobi_bellman as module
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman

controls = pytest.mark.parametrize("control", [0.5, 1.0, 3.0])


def in_three_dimensions(x, control, end=1.0):
    """u for N = 3 by quadrature over Y itself: along x, and its squared distance from that line."""
    t, r = x[:, 0], x[:, 1:].norm(dim=1)
    along = torch.linspace(-9, 9, 200, dtype=torch.float64)
    # the length v of two normal numbers has the density v e^(-v²/2)
    nodes, weights = (torch.as_tensor(each) for each in np.polynomial.legendre.leggauss(80))
    v = 4.5 * (1 + nodes)
    weight = torch.outer((-(along**2) / 2).exp(), weights * v * (-(v**2) / 2).exp())
    weight = weight / weight.sum()
    s = (2 * (end - t)).sqrt()
    square = (r[:, None] - s[:, None] * along).square()[:, :, None]
    square = square + (s[:, None] * v).square()[:, None]
    mean = (weight * (2 / (1 + square)) ** control).sum((1, 2))
    return -mean.log()[:, None] / control


@controls
def test_the_solution_is_the_integral_over_space(control, rng):
    equation = HamiltonJacobiBellman(3, control=control)
    x = equation.draw(20, rng)
    assert_close(equation.solution(x), in_three_dimensions(x, control), rtol=0, atol=1e-10)


@controls
@pytest.mark.parametrize("dimension", [10, 250])
def test_sampling_agrees_within_five_standard_errors(dimension, control, rng):
    equation = HamiltonJacobiBellman(dimension, control=control)
    x = equation.draw(16, rng)
    value, error = equation.monte_carlo(x, 20_000, rng)
    assert 0 < error.max() < 0.02
    assert bool(((value - equation.solution(x)).abs() < 5 * error).all())


def test_the_standard_error_is_the_spread_of_repeated_estimates(rng):
    equation = HamiltonJacobiBellman(10)
    x = equation.draw(8, rng)
    found = [equation.monte_carlo(x, 500, rng) for _ in range(100)]
    values, errors = (torch.stack(each) for each in zip(*found, strict=True))
    ratio = values.std(0) / errors.mean(0)
    assert ratio.min() > 0.7 and ratio.max() < 1.4


@controls
@pytest.mark.parametrize("dimension", [1, 10, 1000])
def test_more_nodes_move_nothing(dimension, control, rng, monkeypatch):
    equation = HamiltonJacobiBellman(dimension, control=control)
    x = equation.draw(100, rng)
    x[:20, 1:] *= 4
    x[20:40, 0] = 1 - torch.logspace(-12, -1, 20, dtype=torch.float64)
    coarse = equation.jet(x)
    monkeypatch.setattr(module, "NODES", 4 * module.NODES)
    fine = equation.jet(x)
    assert_close(coarse.value, fine.value, rtol=0, atol=1e-11)
    assert_close(coarse.derivative(0), fine.derivative(0), rtol=0, atol=1e-10)
    assert_close(coarse.second([0, 1]), fine.second([0, 1]), rtol=0, atol=1e-10)


@controls
def test_the_residual_of_the_solution_is_zero_by_automatic_differentiation(control, rng):
    equation = HamiltonJacobiBellman(3, control=control)
    x = equation.draw(30, rng)
    jet = AutogradJet(equation.solution, x, 4)
    assert equation.residual(x, jet).abs().max() < 1e-10


@controls
def test_the_solution_ends_in_its_terminal_values(control, rng):
    equation = HamiltonJacobiBellman(250, control=control)
    x = equation.draw_initial(50, rng)
    expected = ((1 + x[:, 1:].square().sum(1, keepdim=True)) / 2).log()
    assert_close(equation.initial(x)["y"], expected, rtol=1e-13, atol=0)
    assert_close(equation.solution(x), expected, rtol=0, atol=1e-11)


def test_a_last_time_rounded_up_in_single_precision_is_the_last_time():
    equation = HamiltonJacobiBellman(2, end=0.7)
    x = torch.tensor([[0.7, 0.5, -1.0]])
    assert float(x[0, 0]) != 0.7
    assert_close(equation.solution(x), torch.tensor([[math.log(2.25 / 2)]]))


def test_a_time_after_the_last_has_no_solution():
    with pytest.raises(ValueError, match="ends at 1"):
        HamiltonJacobiBellman(2).solution(torch.tensor([[1.1, 0.0, 0.0]]))


def test_the_mean_square_is_closer_the_more_dimensions_there_are(rng):
    errors = []
    for dimension in (10, 50, 250):
        equation = HamiltonJacobiBellman(dimension)
        x = equation.draw(2000, rng)
        u = equation.solution(x)
        errors.append(float((equation.approximations(x)["mean_square"] - u).norm() / u.norm()))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
