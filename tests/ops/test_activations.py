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
    for found in activation.derivatives(activation.state(x, y), 4):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert torch.allclose(found, y, rtol=1e-10, atol=1e-12 * sharpness**3)


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_the_state_does_to_them_is_as_by_automatic_differentiation(order, name, sharpness):
    activation = ACTIVATIONS[name](sharpness)
    x = torch.linspace(-3, 3, 25, dtype=torch.float64)
    state = activation.state(x, activation(x)).requires_grad_()
    slopes, bends = activation.both(state, order)
    assert len(slopes) == len(bends) == order
    for slope, bend in zip(slopes, bends, strict=True):
        (want,) = torch.autograd.grad(slope.sum(), state, retain_graph=True)
        assert torch.allclose(bend, want, rtol=1e-10, atol=1e-12 * sharpness**3)


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pull_and_its_way_back_are_those_of_automatic_differentiation(name, sharpness, rng):
    activation = ACTIVATIONS[name](sharpness)
    r, x, g = torch.randn(3, 2, 5, 4, generator=rng, dtype=torch.float64)
    state = activation.state(x[0], activation(x[0]))  # the same for both of r's
    leaves = [r.clone().requires_grad_(), state.clone().requires_grad_()]
    want = leaves[0] * activation.derivatives(leaves[1], 1)[0]
    to_r, to_state = activation.pull_back(g.clone(), r, state)
    found = [to_r, to_state.sum(0)]
    assert torch.allclose(activation.pull(r, state), want, rtol=1e-13)
    for one, other in zip(found, torch.autograd.grad(want, leaves, g), strict=True):
        assert torch.allclose(one, other, rtol=1e-10)


def test_a_softplus_passes_into_its_ramp_without_a_jump():
    softplus = ACTIVATIONS["softplus"](25.0)
    x = torch.linspace(0.7, 2.5, 1000, dtype=torch.float64)
    assert torch.allclose(softplus(x), torch.log1p(torch.exp(25 * x)) / 25, rtol=1e-15)
