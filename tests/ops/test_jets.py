"""Jets by automatic differentiation: every derivative, whatever mode torch is in."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from zoo.ops.jets import AutogradJet


def field(x):
    """sin(x) y² + k t, and x y t: two outputs of three coordinates and a parameter."""
    t, a, b, k = x.unbind(1)
    return torch.stack([a.sin() * b**2 + k * t, a * b * t], 1)


def gradient(t, a, b, k):
    return [
        [k, math.cos(a) * b**2, 2 * math.sin(a) * b],
        [a * b, b * t, a * t],
    ]


def hessian(t, a, b, k):
    return [
        [
            [0, 0, 0],
            [0, -math.sin(a) * b**2, 2 * math.cos(a) * b],
            [0, 2 * math.cos(a) * b, 2 * math.sin(a)],
        ],
        [[0, b, a], [b, 0, t], [a, t, 0]],
    ]


@pytest.fixture
def x(rng):
    return torch.rand(5, 4, dtype=torch.float64, generator=rng)


def at_each(function, x):
    return torch.tensor([function(*row) for row in x.tolist()], dtype=torch.float64)


def test_value_gradient_and_hessian_are_what_calculus_says(x):
    jet = AutogradJet(field, x, 3)
    assert_close(jet.value, field(x))
    assert_close(jet.gradient, at_each(gradient, x))
    assert_close(jet.hessian, at_each(hessian, x))


MODES = {"training": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives_are_equal_in_every_mode(mode, x):
    wanted = at_each(hessian, x)
    with MODES[mode]():
        jet = AutogradJet(field, x.clone(), 3)
        second, whole = jet.second([1, 2]), jet.hessian
        third = jet.derivative(1, 1, 2)
    assert_close(second, torch.stack([wanted[..., 1, 1], wanted[..., 2, 2]], -1))
    assert_close(whole, wanted)
    assert_close(third[:, 0], -2 * x[:, 1].sin() * x[:, 2])
    assert second.requires_grad == (mode == "training")


def test_a_jet_made_in_training_can_be_read_without_gradients_and_the_other_way_round(x):
    jet = AutogradJet(field, x, 3)
    with torch.no_grad():
        assert_close(jet.hessian, at_each(hessian, x))
    with torch.no_grad():
        jet = AutogradJet(field, x, 3)
    assert_close(jet.laplacian(), at_each(hessian, x).diagonal(dim1=-2, dim2=-1).sum(-1))


def test_derivatives_in_turn_commute(x):
    jet = AutogradJet(field, x, 3)
    for axes in itertools.permutations((0, 1, 2)):
        assert_close(jet.derivative(*axes), torch.tensor([0.0, 1.0]).double().expand(5, 2))
    assert_close(jet.derivative(), field(x))
    assert_close(jet.derivative(2, 2, 1)[:, 0], 2 * x[:, 1].cos())


def test_the_laplacian_and_the_square_gradient_run_over_the_named_coordinates(x):
    jet, first, second = AutogradJet(field, x, 3), at_each(gradient, x), at_each(hessian, x)
    assert_close(jet.laplacian([1, 2]), second[..., 1, 1] + second[..., 2, 2])
    assert_close(jet.square_gradient([0, 2]), first[..., 0] ** 2 + first[..., 2] ** 2)
    assert_close(jet.square_gradient(), first.square().sum(-1))


def test_a_constant_and_a_linear_field_have_no_second_derivatives(x):
    jet = AutogradJet(lambda z: torch.stack([z[:, 0] * 3, torch.ones(len(z)).double()], 1), x, 3)
    assert jet.gradient[:, 0].tolist() == [[3, 0, 0]] * 5
    assert not jet.gradient[:, 1].any() and not jet.hessian.any()


def test_the_gradient_of_a_derivative_reaches_weights_points_and_parameters(x):
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    leaf = x.clone().requires_grad_()
    jet = AutogradJet(lambda z: (weight * z[:, :1]).sin() * z[:, 3:], leaf, 3)
    jet.derivative(0, 0).sum().backward()  # -w² k sin(w t)
    t, k, w = x[:, 0], x[:, 3], 0.7
    slope = -(2 * w * (w * t).sin() + w**2 * t * (w * t).cos()) * k
    assert_close(weight.grad, slope.sum())
    assert_close(leaf.grad[:, 0], -(w**3) * k * (w * t).cos())
    assert_close(leaf.grad[:, 3], -(w**2) * (w * t).sin())


def test_points_are_never_marked(x):
    AutogradJet(field, x, 3).hessian.sum().backward()
    assert not x.requires_grad and x.grad is None


def test_points_do_not_see_each_other(x):
    alone = torch.cat([AutogradJet(field, row[None], 3).hessian for row in x])
    assert_close(AutogradJet(field, x, 3).hessian, alone)
