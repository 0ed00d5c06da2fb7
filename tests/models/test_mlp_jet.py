"""The perceptron's closed derivatives equal automatic differentiation, weights' gradients too."""

import pytest
import torch
import torch.nn.functional as F

from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.normaliser import Normaliser
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.models.parts.unscaled import Unscaled
from zoo.ops.activations import ACTIVATIONS
from zoo.ops.jets import AutogradJet

REGION = ((-1.0, 2.0), (0.0, 3.0), (0.5, 1.5))
PLANE = Interface(("x", "y"), ("u",), ("k",), region=REGION)
MANY = Interface(("x", "y"), ("u", "v", "w"), ("k",), region=REGION)

WANTED = {
    "value": lambda jet: jet.value,
    "gradient": lambda jet: jet.gradient,
    "second": lambda jet: jet.second(),
    "second along y": lambda jet: jet.second([1]),
    "second in another order": lambda jet: jet.second([1, 0]),
    "laplacian": lambda jet: jet.laplacian(),
    "laplacian along x": lambda jet: jet.laplacian([0]),
    "square gradient": lambda jet: jet.square_gradient(),
    "hessian": lambda jet: jet.hessian,
    "u_yx": lambda jet: jet.derivative(1, 0),
    "u_xxx": lambda jet: jet.derivative(0, 0, 0),
    "u_yxy": lambda jet: jet.derivative(1, 0, 1),
    "u_xxyy": lambda jet: jet.derivative(0, 0, 1, 1),
    "nothing": lambda jet: jet.derivative(),
    "gradient after second": lambda jet: jet.second().sum(-1) * jet.gradient[..., 0],
    "laplacian after second": lambda jet: jet.second([1, 0]).prod(-1) + jet.laplacian(),
    "all": lambda jet: jet.value * jet.gradient[..., 1] * jet.laplacian() + jet.derivative(1, 1, 1),
}


def draw(interface=PLANE, normaliser: type[Normaliser] = Unscaled, **changes):
    torch.manual_seed(3)
    net = MLP(interface, normaliser(), **{"width": 7, "layers": 3} | changes).double()
    rng = torch.Generator().manual_seed(1)
    low, high = torch.tensor(REGION, dtype=torch.float64).T
    return net, low + (high - low) * torch.rand(6, 3, generator=rng, dtype=torch.float64)


def slow(net, x):
    return AutogradJet(net, x, 2)


def weighed(values):
    weight = torch.randn(
        values.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    return (values * weight + values.square()).sum()


def agree(net, x, wanted):
    """The two jets give the same values, and the same gradients of weights and points."""
    found = []
    for jet in (net.jet, lambda at: slow(net, at)):
        at = x.clone().requires_grad_()
        values = wanted(jet(at))
        grads = torch.autograd.grad(
            weighed(values), [at, *net.parameters()], allow_unused=True, materialize_grads=True
        )
        found.append([values, *grads])
    return all(
        torch.allclose(a, b, rtol=1e-12, atol=1e-12 * max(1.0, float(b.detach().abs().max())))
        for a, b in zip(*found, strict=True)
    )


@pytest.mark.parametrize("name", WANTED)
def test_every_derivative_equals_automatic_differentiation(name):
    assert agree(*draw(), WANTED[name])


@pytest.mark.parametrize("name", WANTED)
def test_so_it_does_for_several_outputs_in_a_scaled_region(name):
    assert agree(*draw(MANY, ByRegion), WANTED[name])


@pytest.mark.parametrize("sharpness", [1.0, 1.7])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", ["gradient", "laplacian", "u_yxy"])
def test_so_it_does_for_every_activation(name, activation, sharpness):
    net, x = draw(activation=activation, sharpness=sharpness)
    assert agree(net, x, WANTED[name])


def test_so_it_does_for_a_softplus_as_sharp_as_a_ramp():
    net, x = draw(activation="softplus", sharpness=25.0)
    assert agree(net, x, WANTED["all"])


@pytest.mark.parametrize("name", ["gradient", "all"])
def test_so_it_does_with_one_hidden_layer(name):
    assert agree(*draw(layers=1), WANTED[name])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_values_are_the_same_without_gradients(mode):
    net, x = draw()
    want = WANTED["all"](net.jet(x))
    with mode():
        got = WANTED["all"](net.jet(x))
    assert torch.allclose(got, want, rtol=1e-13)


def test_nothing_is_recorded_for_a_jet_made_without_gradients():
    net, x = draw()
    with torch.no_grad():
        jet = net.jet(x)
    made = [
        jet.value,
        jet.gradient,
        jet.second(),
        jet.derivative(0, 0, 0),
        jet.derivative(0, 0, 1, 1),
    ]
    assert not any(one.requires_grad for one in made)


def test_a_jet_made_with_gradients_keeps_them():
    net, x = draw()
    jet = net.jet(x)
    with torch.no_grad():
        made = [jet.gradient, jet.laplacian(), jet.derivative(0, 0, 1, 1)]
    assert all(one.requires_grad for one in made)


@pytest.mark.parametrize("name", ["gradient", "laplacian", "u_yxy"])
def test_single_precision_is_double_precision_to_rounding(name):
    net, x = draw(MANY, ByRegion)
    want = WANTED[name](net.jet(x))
    got = WANTED[name](net.float().jet(x.float()))
    assert got.dtype == torch.float32
    assert torch.allclose(got.double(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["gradient", "laplacian", "u_yxy"])
@pytest.mark.parametrize("interface", [PLANE, MANY])
def test_what_is_trained_through_it_can_be_differentiated_again(name, interface):
    net, x = draw(interface)
    found = []
    for make in (net.jet, lambda at: slow(net, at)):
        weights = list(net.parameters())[:-1]
        values = weighed(WANTED[name](make(x)))
        grads = torch.autograd.grad(values, weights, create_graph=True)
        found.append(torch.autograd.grad(sum(map(weighed, grads)), weights))
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(*found, strict=True))


def test_value_and_gradient_cost_one_forward_pass(monkeypatch):
    net, x = draw()
    calls, linear = [], F.linear
    monkeypatch.setattr(F, "linear", lambda *given: calls.append(1) or linear(*given))
    jet = net.jet(x)
    _ = jet.value, jet.gradient, jet.laplacian(), jet.value
    assert len(calls) == net.layers + 1


def test_after_all_second_derivatives_the_gradient_is_known(monkeypatch):
    jet = (pair := draw())[0].jet(pair[1])
    jet.second()
    monkeypatch.setattr("zoo.models.parts.perceptron_jet.reverse", None)
    assert torch.allclose(jet.gradient, slow(*pair).gradient, rtol=1e-12)


def test_parameters_are_not_differentiated():
    net, x = draw()
    assert net.jet(x).gradient.shape == (6, 1, 2)


def test_a_normaliser_without_known_rates_takes_automatic_differentiation():
    class Doubled(Normaliser):
        def encode(self, u, p):
            return u, p, None

        def decode(self, y, state):
            return 2 * y

    net, x = draw()
    want = 2 * net.jet(x).gradient
    net.normaliser = Doubled()
    assert torch.allclose(net.jet(x).gradient, want, rtol=1e-12)


def test_under_autocast_it_is_automatic_differentiation():
    net, x = draw()
    net, x = net.float(), x.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert not isinstance(net.jet(x), PerceptronJet)
        near = net.jet(x).gradient
    assert torch.allclose(near, net.jet(x).gradient, atol=0.02)


def test_points_of_another_width_are_refused():
    with pytest.raises(ValueError, match="one column"):
        draw()[0].jet(torch.zeros(4, 2, dtype=torch.float64))
