"""The product rule: derivatives of g + b N from those of g, b and N."""

import pytest
import torch
from torch.testing import assert_close

from zoo.ops.jets import AutogradJet
from zoo.ops.product_jet import ProductJet


def known(x):
    a, b, t = x.unbind(1)
    return torch.stack([a * b + t, (a * t).exp()], 1)


def scalar(x):
    a, b, t = x.unbind(1)
    return (t * (1 - a**2) * b.cos())[:, None]


def each(x):
    return torch.cat([scalar(x), 1 + scalar(x) ** 2 * x[:, :1]], 1)


def only_time(x):
    return 1 - x[:, 2:3]


def field(x):
    a, b, t = x.unbind(1)
    return torch.stack([(a + 2 * b).sin() * t, a * b * t**2], 1)


V = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
WANTED = {
    "value": lambda jet: jet.value,
    "gradient": lambda jet: jet.gradient,
    "second": lambda jet: jet.second(),
    "second of two": lambda jet: jet.second([1, 0]),
    "laplacian": lambda jet: jet.laplacian(),
    "laplacian of two": lambda jet: jet.laplacian([0, 1]),
    "trace": lambda jet: jet.trace(V.expand(5, 3)),
    "hessian": lambda jet: jet.hessian,
    "u": lambda jet: jet.derivative(),
    "u_t": lambda jet: jet.derivative(2),
    "u_xy": lambda jet: jet.derivative(0, 1),
    "u_xx": lambda jet: jet.derivative(0, 0),
    "u_xyt": lambda jet: jet.derivative(0, 1, 2),
    "u_xxy": lambda jet: jet.derivative(0, 0, 1),
    "along": lambda jet: jet.along(V.expand(5, 3)),
    "square gradient": lambda jet: jet.square_gradient(),
    "square gradient of two": lambda jet: jet.square_gradient([0, 1]),
    "a half": lambda jet: jet.halves()[1].laplacian(),
}


@pytest.fixture
def x(rng):
    return torch.randn(5, 3, dtype=torch.float64, generator=rng)


@pytest.mark.parametrize("factor", [scalar, each, only_time])
@pytest.mark.parametrize("name", WANTED)
def test_it_is_automatic_differentiation_of_the_product(name, factor, x):
    jets = [AutogradJet(one, x, 3) for one in (known, factor, field)]
    whole = AutogradJet(lambda p: known(p) + factor(p) * field(p), x, 3)
    assert_close(WANTED[name](ProductJet(*jets)), WANTED[name](whole))


class NoGradient(AutogradJet):
    """A field whose gradient is dear."""

    exact = False

    @property
    def gradient(self):
        raise AssertionError("nothing needed the gradient")

    def along(self, direction):
        raise AssertionError("nothing needed the gradient")


def test_the_gradient_is_left_alone_where_the_factor_does_not_rise(x):
    g, b = AutogradJet(known, x, 3), AutogradJet(only_time, x, 3)
    jet, right = (ProductJet(g, b, kind(field, x, 3)) for kind in (NoGradient, AutogradJet))
    assert_close(jet.laplacian([0, 1]), right.laplacian([0, 1]))
    assert_close(jet.second([0, 1]), right.second([0, 1]))
    with pytest.raises(AssertionError):
        jet.laplacian()


def test_it_is_exact_where_the_field_is(x):
    g, b = AutogradJet(known, x, 3), AutogradJet(scalar, x, 3)
    assert ProductJet(g, b, AutogradJet(field, x, 3)).exact
    assert not ProductJet(g, b, NoGradient(field, x, 3)).exact
