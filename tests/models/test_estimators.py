"""Exact estimators equal automatic differentiation, gradients of weights too."""

import pytest
import torch
from torch.testing import assert_close

from tests.models.quadratic import Quadratic
from zoo.models.base import Interface
from zoo.models.divergence_free import DivergenceFree
from zoo.models.estimators.forward_laplacian import ForwardLaplacian, forward_jet
from zoo.models.estimators.hutchinson import Hutchinson
from zoo.models.estimators.nested import Nested
from zoo.models.estimators.stochastic_taylor import StochasticTaylor
from zoo.models.estimators.vectorised import Vectorised
from zoo.models.mlp import MLP
from zoo.models.parts import perceptron_jet
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.perceptron_jet import PerceptronJet
from zoo.ops.activations import ACTIVATIONS
from zoo.ops.jets import AutogradJet

EXACT = {
    "vectorised": Vectorised(),
    "vectorised in chunks": Vectorised(chunk=3),
    "forward": ForwardLaplacian(),
    "forward in chunks": ForwardLaplacian(chunk=3),
}
WANTED = {
    "value": lambda jet, x: jet.value,
    "gradient": lambda jet, x: jet.gradient,
    "laplacian": lambda jet, x: jet.laplacian(),
    "laplacian of space": lambda jet, x: jet.laplacian(range(1, 5)),
    "laplacian of some": lambda jet, x: jet.laplacian((4, 0, 2, 1)),
    "second": lambda jet, x: jet.second((2, 0)),
    "trace": lambda jet, x: jet.trace(x[:, :-1] - 0.5),
    "square gradient": lambda jet, x: jet.square_gradient(range(1, 5)),
    "along": lambda jet, x: jet.along(x[:, :-1]),
    "mixed": lambda jet, x: jet.derivative(0, 3),
    "time": lambda jet, x: jet.derivative(0),
    "hessian": lambda jet, x: jet.hessian,
    "heat": lambda jet, x: (
        jet.derivative(0) * jet.laplacian(range(1, 5)) - jet.square_gradient(range(1, 5))
    ),
}


def perceptron(size, outputs=1, width=6, normaliser=ByRegion, layers=3, activation="tanh"):
    torch.manual_seed(2)
    names = tuple(f"x{i}" for i in range(size))
    values = tuple(f"u{i}" for i in range(outputs))
    region = [(-0.5 * i, 1.0 + i % 3) for i in range(size)]
    interface = Interface(names, values, ("k",), region=(*region, (0.5, 1.5)))
    scale = normaliser()
    return MLP(interface, scale, width=width, layers=layers, activation=activation).double()


def points(net, count=5):
    rng = torch.Generator().manual_seed(1)
    columns = len(net.interface.inputs) + len(net.interface.coefficients)
    return torch.rand(count, columns, generator=rng, dtype=torch.float64)


def with_gradients(values, tensors):
    weight = torch.arange(1.0, values.numel() + 1, dtype=torch.float64).view(values.shape)
    loss = (values * weight + values.square()).sum()
    return [values, *torch.autograd.grad(loss, tensors, allow_unused=True, materialize_grads=True)]


def agree(net, by, wanted, rtol=1e-10):
    found = []
    for make in (
        lambda at: net.jet(at, by),
        lambda at: AutogradJet(net, at, len(net.interface.inputs)),
    ):
        x = points(net).requires_grad_()
        found.append(with_gradients(wanted(make(x), x), [x, *net.parameters()]))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, rtol=rtol, atol=rtol * max(1.0, float(other.detach().abs().max())))


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("by", EXACT)
def test_of_a_perceptron_they_give_every_derivative(by, wanted):
    agree(perceptron(5, outputs=2), EXACT[by], WANTED[wanted])


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("by", EXACT)
def test_so_they_do_of_any_other_field(rng, by, wanted):
    agree(Quadratic.drawn(rng, 5, outputs=2), EXACT[by], WANTED[wanted])


@pytest.mark.parametrize("by", [Vectorised(chunk=4), ForwardLaplacian()])
@pytest.mark.parametrize("size", [2, 10, 100])
def test_so_they_do_in_many_dimensions(size, by):
    agree(perceptron(size), by, lambda jet, x: jet.laplacian())


@pytest.mark.parametrize("by", [Vectorised(chunk=400), ForwardLaplacian()])
def test_a_thousand_dimensions_agree(by):
    net = perceptron(1000, width=8, layers=2)
    x, time = points(net, 3), range(1, 1000)
    exact = torch.stack([each(net, row) for row in x])[:, None]
    assert_close(net.jet(x, by).laplacian(time), exact, rtol=1e-10, atol=1e-13)


def each(net, row):
    """Σ of second derivatives but the first, one point, by torch's own Hessian."""
    whole = torch.autograd.functional.hessian(lambda at: net(at[None]).squeeze(), row)
    return whole.diagonal()[1:-1].sum()


def test_nested_passes_give_a_known_hessian(rng):
    net = Quadratic.drawn(rng, 5, outputs=2)
    jet = net.jet(points(net), Nested())
    assert_close(jet.hessian, net.hessian.expand(5, -1, -1, -1))
    assert_close(jet.laplacian((1, 3))[0], net.hessian[:, (1, 3), (1, 3)].sum(-1))


def test_more_outputs_than_coordinates_agree():
    agree(perceptron(4, outputs=6), ForwardLaplacian(), lambda jet, x: jet.laplacian())


def test_a_field_made_of_derivatives_is_differentiated_forward():
    torch.manual_seed(0)
    agree(DivergenceFree(**DivergenceFree.tiny()).double(), ForwardLaplacian(), WANTED["value"])


@pytest.mark.parametrize("by", EXACT)
def test_single_precision_is_double_precision_to_rounding(by):
    net = perceptron(20, width=16)
    x = points(net)
    want = net.jet(x).laplacian().detach()
    found = net.float().jet(x.float(), EXACT[by]).laplacian()
    assert found.dtype == torch.float32
    assert_close(found.double(), want, rtol=1e-4, atol=1e-5 * float(want.abs().max()))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("by", EXACT)
def test_values_are_the_same_without_gradients_and_carry_none(by, mode):
    net = perceptron(5)
    want = net.jet(points(net)).laplacian()
    with mode():
        found = net.jet(points(net), EXACT[by]).laplacian()
    assert_close(found, want)
    assert not found.requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("chunk", [None, 3])
@pytest.mark.parametrize("make", [forward_jet, lambda net, x, chunk: Vectorised(chunk).jet(net, x)])
def test_the_slope_of_every_activation_has_forward_derivatives(make, chunk, activation, mode):
    net = perceptron(5, activation=activation)
    x = points(net)
    want = net.jet(x, Nested()).laplacian()
    with mode():
        assert_close(make(net, x, chunk).laplacian(), want)


@pytest.mark.parametrize("by", EXACT)
def test_gradients_of_gradients_are_those_of_automatic_differentiation(by):
    net = perceptron(9, width=4)
    weights, found = [one for one in net.parameters() if one.ndim > 1], []
    for jet in (net.jet(points(net), EXACT[by]), AutogradJet(net, points(net), 9)):
        values = jet.laplacian().square().sum()
        first = torch.autograd.grad(values, weights, create_graph=True)
        found.append(torch.autograd.grad(sum(one.square().sum() for one in first), weights))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_a_perceptron_s_own_jet_is_the_forward_laplacian():
    net = perceptron(5)
    assert isinstance(net.jet(points(net), ForwardLaplacian()), PerceptronJet)


@pytest.mark.parametrize("by", [ForwardLaplacian(), StochasticTaylor(2)])
def test_slope_laplacian_and_square_gradient_share_their_passes(by, monkeypatch):
    net, forward, backward = perceptron(6), [], []
    linear, reverse = torch.nn.functional.linear, perceptron_jet.reverse
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *a: forward.append(1) or linear(*a))
    monkeypatch.setattr(perceptron_jet, "reverse", lambda *a: backward.append(1) or reverse(*a))
    WANTED["heat"](net.jet(points(net), by), points(net))
    assert (len(forward), len(backward)) == (net.layers + 1, 1)


def test_autocast_leaves_the_closed_form():
    net = perceptron(5).float()
    with torch.autocast("cpu", torch.bfloat16):
        assert not isinstance(net.jet(points(net).float(), ForwardLaplacian()), PerceptronJet)


def held(values):
    """Numbers that a graph holds."""
    found, seen, nodes = {}, set(), [values.grad_fn]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        nodes += [one for one, _ in node.next_functions]
        own = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        for one in [*own, *getattr(node, "saved_tensors", ())]:
            if isinstance(one, torch.Tensor):
                found[one.data_ptr()] = one.numel()
    return sum(found.values())


@pytest.mark.parametrize("by", [Vectorised, ForwardLaplacian])
def test_of_a_laplacian_in_chunks_the_graph_holds_no_more_than_of_a_gradient(by):
    net = perceptron(60, width=64)
    x = points(net, 50)
    whole, parts = (held(net.jet(x, by(chunk=n)).laplacian()) for n in (60, 4))
    slope = held(net.jet(x, by()).gradient)
    assert parts < 1.5 * slope
    assert whole > 3 * slope


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Vectorised(0), "chunk=0 must be positive"),
        (lambda: ForwardLaplacian(-2), "chunk=-2"),
        (lambda: Hutchinson(0), "probes=0"),
        (lambda: StochasticTaylor(0), "directions=0"),
        (lambda: StochasticTaylor(kind="signs"), "kind='signs'; it is one of"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
