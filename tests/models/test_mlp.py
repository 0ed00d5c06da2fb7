"""The perceptron as a field: its formula, its channels, what it refuses."""

import pytest
import torch

from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.surgery import adapt

SQUARE = Interface(("x", "y"), ("u",), region=((-1.0, 1.0), (-1.0, 1.0)))


def test_it_is_the_stated_formula(rng):
    net, x = MLP(SQUARE, width=5, layers=2), torch.rand(7, 2, generator=rng)
    first, second, last = net.linear.children()
    h = torch.tanh(torch.tanh(x @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    assert torch.allclose(net(x), h @ last.weight.T + last.bias, atol=1e-6)


def test_a_sharp_softplus_is_torch_s_with_that_beta(rng):
    net = MLP(SQUARE, width=5, layers=1, activation="softplus", sharpness=25.0)
    x = torch.rand(7, 2, generator=rng)
    first, last = net.linear.children()
    h = torch.nn.functional.softplus(first(x), beta=25)
    assert torch.allclose(net(x), last(h), atol=1e-6)


def test_four_layers_of_fifty_have_the_paper_s_parameters():
    assert sum(p.numel() for p in MLP(SQUARE).parameters()) == 150 + 3 * 2550 + 51


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activation": "relu6"}, "activation='relu6'; it is one of"),
        ({"width": 0}, "width=0, layers=4"),
        ({"layers": -1}, "layers=-1"),
        ({"sharpness": 0.0}, "sharpness=0.0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        MLP(SQUARE, **changes)


def test_a_new_parameter_leaves_the_function_of_the_old_ones(rng):
    region = ((0.0, 2.0), (-1.0, 1.0), (1.0, 3.0))
    net = MLP(Interface(("x", "y"), ("u",), ("k",), region=region), ByRegion(), width=5, layers=2)
    wider = (region[0], region[1], (0.0, 1.0), region[2])
    new = adapt(net, coefficients=("nu", "k"), frames={"region": wider})
    x = torch.rand(7, 3, generator=rng)
    with_nu = torch.cat([x[:, :2], torch.full((7, 1), 0.3), x[:, 2:]], 1)
    assert torch.allclose(new(with_nu), net(x), atol=1e-6)


def test_outputs_are_taken_over_by_name(rng):
    net = MLP(Interface(("x", "y"), ("u", "v"), region=SQUARE.region), width=5, layers=2)
    x = torch.rand(7, 2, generator=rng)
    assert torch.equal(adapt(net, outputs=("v", "u"))(x), net(x).flip(1))
