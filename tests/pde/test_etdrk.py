import math
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.etdrk import ETDRK, phi

ORDERS = (1, 2, 3, 4)


def contour(z, index):
    """φ_index by the mean over a circle of radius 2 about z, of its own recursion far from 0."""
    turn = torch.exp(2j * math.pi * (torch.arange(128, dtype=torch.float64) + 0.5) / 128)
    w = z[:, None] + 2 * turn
    value = w.exp()
    for j in range(index):
        value = (value - 1 / math.factorial(j)) / w
    return value.mean(1)


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_phi_equals_its_contour_integral_on_both_sides_of_the_seam(index):
    radius = torch.tensor([0.0, 1e-12, 1e-3, 0.3, 0.9999, 1.0, 1.0001, 3.0, 9.0]).double()
    angle = torch.tensor([0.0, math.pi / 2, 2.0, math.pi, -math.pi / 2]).double()
    z = torch.polar(*torch.broadcast_tensors(radius[:, None], angle)).flatten()
    assert_close(phi(z)[index], contour(z, index), rtol=2e-14, atol=2e-14)


def test_phi_of_real_arguments_equals_that_of_complex_ones():
    z = torch.linspace(-40, 5, 200, dtype=torch.float64)
    for real, whole in zip(phi(z), phi(z.to(torch.complex128)), strict=True):
        assert not real.is_complex()
        assert_close(real, whole.real, rtol=1e-14, atol=1e-15)


def test_phi_at_zero_and_far_away_has_its_limits_and_finite_gradients():
    z = torch.tensor([0.0, -1e8], dtype=torch.float64, requires_grad=True)
    values = phi(z)
    assert_close(torch.stack(values)[:, 0].detach(), torch.tensor([1, 1, 1 / 2, 1 / 6]).double())
    assert torch.stack(values)[:, 1].abs().max() < 1e-7
    sum(value.sum() for value in values).backward()
    assert bool(z.grad.isfinite().all())
    assert float(z.grad[0]) == pytest.approx(1 + 1 / 2 + 1 / 6 + 1 / 24)


@pytest.mark.parametrize("order", ORDERS)
def test_a_linear_equation_with_a_constant_source_is_exact_in_one_step(order):
    symbol = torch.tensor([-300.0 + 40j, -1e-9, 0.7j, 0.0], dtype=torch.complex128)
    u = torch.tensor([1.0, 2j, -1.0, 0.5], dtype=torch.complex128)
    source = torch.tensor([5.0, 1.0, 1j, 3.0], dtype=torch.complex128)
    h = 0.7
    stepped = ETDRK(symbol, h, order).step(u, lambda u, s: source)
    exact = u * (h * symbol).exp() + h * phi(h * symbol)[1] * source
    assert_close(stepped, exact, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_is_measured_on_every_refinement_pair(order):
    # Bernoulli's u' = λu + u², λ's of different decay and turn in the batch
    symbol = torch.tensor([-3.0 + 2j, -1.0 + 5j], dtype=torch.complex128)
    start = torch.tensor([0.9, 0.5j], dtype=torch.complex128)
    grown = symbol.exp()
    exact = symbol * start * grown / (symbol + start * (1 - grown))
    errors = []
    for steps in (16, 32, 64, 128):
        scheme, u = ETDRK(symbol, 1 / steps, order), start
        for _ in range(steps):
            u = scheme.step(u, lambda u, s: u * u)
        errors.append((u - exact).abs())
    for coarse, fine in pairwise(errors):
        rates = (coarse / fine).log2()
        assert bool(((rates - order).abs() < 0.25).all()), rates


@pytest.mark.parametrize("order", ORDERS)
def test_stages_are_told_how_far_into_the_step_they_lie(order):
    # u' = 4 t³ on [0, 1]: the quadrature of each order is exact up to its degree
    symbol = torch.zeros(1, dtype=torch.complex128)
    errors = []
    for steps in (4, 8, 16):
        scheme, u = ETDRK(symbol, 1 / steps, order), torch.zeros(1, dtype=torch.complex128)
        for i in range(steps):
            u = scheme.step(u, lambda u, s, i=i, n=steps: 5 * ((i + s) / n) ** 4 + 0 * u)
        errors.append(float((u - 1).abs()))
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) > order - 0.25


def test_another_order_or_a_step_backwards_is_refused():
    symbol = torch.zeros(1, dtype=torch.float64)
    with pytest.raises(ValueError, match="order=5"):
        ETDRK(symbol, 0.1, 5)
    with pytest.raises(ValueError, match=r"step=-0\.1"):
        ETDRK(symbol, -0.1)
