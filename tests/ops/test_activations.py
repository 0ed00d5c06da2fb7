"""Closed derivatives of the nonlinearities, against automatic differentiation."""

import pytest
import torch

from zoo.ops.activations import ACTIVATIONS


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_four_derivatives_are_those_of_automatic_differentiation(name, sharpness):
    activation = ACTIVATIONS[name](sharpness)
    x = torch.linspace(-6, 6, 49, dtype=torch.float64, requires_grad=True)
    y = activation(x)
    for found in activation.derivatives(x, activation(x), 4):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert torch.allclose(found, y, rtol=1e-10, atol=1e-12 * sharpness**3)


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pull_and_its_way_back_are_those_of_automatic_differentiation(name, sharpness, rng):
    activation = ACTIVATIONS[name](sharpness)
    r, x, g = torch.randn(3, 2, 5, 4, generator=rng, dtype=torch.float64)
    x = x[0]  # the same for both of r's
    y = activation(x)
    s, kept = activation.pull(r, x, y)
    leaves = [r.clone().requires_grad_(), x.clone().requires_grad_()]
    slope = activation.derivatives(leaves[1], activation(leaves[1]), 1)[0]
    want = torch.autograd.grad(leaves[0] * slope, leaves, g)
    to_r, to_x = activation.bend(g.clone(), kept, x, y)
    assert torch.allclose(s, r * slope.detach(), rtol=1e-13)
    assert torch.allclose(to_r, want[0], rtol=1e-12)
    assert torch.allclose(to_x.sum(0), want[1], rtol=1e-10)


def test_a_softplus_passes_into_its_ramp_without_a_jump():
    softplus = ACTIVATIONS["softplus"](25.0)
    x = torch.linspace(0.7, 2.5, 1000, dtype=torch.float64)
    assert torch.allclose(softplus(x), torch.log1p(torch.exp(25 * x)) / 25, rtol=1e-15)
