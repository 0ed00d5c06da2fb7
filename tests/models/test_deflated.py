"""Traces that are exact along the directions in which a field varies, and estimated beyond them."""

import pytest
import torch
from torch.testing import assert_close

from zoo.models.base import Interface
from zoo.models.estimators.deflated import Deflated
from zoo.models.estimators.stochastic_taylor import StochasticTaylor
from zoo.models.field import Field
from zoo.models.mlp import MLP
from zoo.models.parts.unscaled import Unscaled

D = 12
NAMES = tuple(f"x{i}" for i in range(D))
FACE = Interface(NAMES, ("u",), region=((-1.0, 1.0),) * D)


class Wave(Field):
    """sin(w·x), whose gradients all lie along w, beside a quadratic of a known Hessian."""

    def __init__(self, rest=0.0):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.interface, self.normaliser = FACE, Unscaled().bind(FACE)
        self.wave = torch.nn.Parameter(torch.randn(D, generator=rng, dtype=torch.float64))
        half = torch.randn(D, D, generator=rng, dtype=torch.float64)
        self.bend = rest * (half + half.mT)

    def values(self, x):
        return (x @ self.wave).sin()[:, None] + 0.5 * ((x @ self.bend) * x).sum(1, keepdim=True)


def points(count=6):
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, D, generator=rng, dtype=torch.float64) * 2 - 1


def net(width=16, dtype=torch.float64):
    torch.manual_seed(2)
    return MLP(FACE, width=width, layers=2).to(dtype)


def test_a_field_of_one_direction_is_exact_with_one_leading_direction():
    field, x = Wave(), points()
    wanted = field.jet(x).laplacian()
    assert_close(field.jet(x, Deflated(1, 1)).laplacian(), wanted, rtol=1e-9, atol=1e-9)


def test_some_coordinates_alone_are_exact_too():
    field, x = Wave(), points()
    axes = [0, 3, 4]
    wanted = field.jet(x).laplacian(axes)
    assert_close(field.jet(x, Deflated(1, 1)).laplacian(axes), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("leading", [D, D + 5])
def test_with_as_many_leading_directions_as_coordinates_nothing_is_estimated(leading):
    field, x = net(), points(30)
    assert_close(field.jet(x, Deflated(leading, 1)).laplacian(), field.jet(x).laplacian())


def test_the_mean_over_draws_is_the_laplacian_and_of_some_coordinates_theirs():
    field, x = net(), points(3)
    torch.manual_seed(3)
    for axes in (None, [1, 2, 5, 7, 8]):
        with torch.no_grad():
            found = torch.stack([field.jet(x, Deflated(2, 2)).laplacian(axes) for _ in range(100)])
        error = found.std(0) / len(found) ** 0.5
        wanted = field.jet(x).laplacian(axes)
        assert bool(((found.mean(0) - wanted).abs() < 4.5 * error + 1e-9).all())


def test_the_mean_of_weighted_traces_is_the_weighted_trace():
    field, x = net(), points(3)
    weights = x.abs()
    torch.manual_seed(4)
    with torch.no_grad():
        found = torch.stack([field.jet(x, Deflated(2, 2)).trace(weights) for _ in range(100)])
    error = found.std(0) / len(found) ** 0.5
    wanted = (field.jet(x).second() * weights[:, None]).sum(-1)
    assert bool(((found.mean(0) - wanted).abs() < 4.5 * error + 1e-9).all())


def test_negative_weights_are_refused():
    field, x = net(), points(3)
    with pytest.raises(NotImplementedError, match="not negative"):
        field.jet(x, Deflated()).trace(x)


def test_its_spread_is_smaller_than_that_of_random_directions_alone():
    field, x = Wave(rest=0.02), points(4)
    torch.manual_seed(5)

    def spread(by):
        return torch.stack([field.jet(x, by).laplacian() for _ in range(60)]).std(0).mean()

    with torch.no_grad():
        assert spread(Deflated(4, 2)) < 0.5 * spread(StochasticTaylor(6))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_to_the_weights_are_those_of_the_exact_laplacian(dtype):
    field, x = net(dtype=dtype), points(20).to(dtype)

    def gradients(by):
        field.zero_grad()
        field.jet(x, by).laplacian().square().mean().backward()
        return [p.grad.clone() for p in field.parameters() if p.grad is not None]

    for found, wanted in zip(gradients(Deflated(D, 2)), gradients(None), strict=True):
        assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_halves_are_drawn_apart_and_odd_counts_are_refused():
    field, x = net(), points()
    first, last = field.jet(x, Deflated(1, 2)).halves()
    assert not torch.equal(first.laplacian(), last.laplacian())
    with pytest.raises(ValueError, match="probes=3 is odd"):
        field.jet(x, Deflated(1, 3)).halves()


def test_no_directions_are_refused():
    with pytest.raises(ValueError, match="leading=0"):
        Deflated(0)
