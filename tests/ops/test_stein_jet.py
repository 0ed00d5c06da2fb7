"""A jet of estimates: all of it from the same draws, in halves, with or without draws in memory."""

import pytest
import torch
from torch.testing import assert_close

from zoo.ops import noise as noises
from zoo.ops.jets import Jet
from zoo.ops.joined_jet import JoinedJet
from zoo.ops.noise import HeldNoise, SeededNoise
from zoo.ops.stein_jet import SMALL, SteinJet

SIGMA = 0.1


def net(x, weight=1.0):
    a, b, c = x.unbind(-1)
    return torch.stack([(weight * a * b).sin() + c**3, a * b * c], -1)


def draw(count=6, points=4, *, noise=None, weight=1.0, kind="antithetic", **options):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(points, 3, dtype=torch.float64, generator=rng)
    if noise is None:
        noise = HeldNoise(torch.randn(points, count, 3, dtype=torch.float64, generator=rng))
    z = SIGMA * noise.part(0, noise.count)
    signs = (1, -1) if kind == "antithetic" else (1,)
    values = torch.stack([net(x[:, None] + sign * z, weight) for sign in signs], 1)
    base = None if kind == "vanilla" else net(x, weight)
    return SteinJet(values, base, noise=noise, sigma=SIGMA, **options)


DIRECTION = torch.tensor([[1.0, 2.0, -1.0]] * 4, dtype=torch.float64)
WANTED = {
    "value": lambda jet: jet.value,
    "gradient": lambda jet: jet.gradient,
    "second": lambda jet: jet.second(),
    "second of two": lambda jet: jet.second([2, 0]),
    "laplacian": lambda jet: jet.laplacian(),
    "laplacian of two": lambda jet: jet.laplacian([1, 2]),
    "trace": lambda jet: jet.trace(DIRECTION[: len(jet.value)]),
    "hessian": lambda jet: jet.hessian,
    "times hessian": lambda jet: jet.times_hessian(DIRECTION[: len(jet.value)]),
    "u_y": lambda jet: jet.derivative(1),
    "u_yx": lambda jet: jet.derivative(1, 0),
    "along": lambda jet: jet.along(DIRECTION[: len(jet.value)]),
    "square gradient": lambda jet: jet.square_gradient(),
    "square gradient of one": lambda jet: jet.square_gradient([1]),
}
JOINED = [name for name in WANTED if name != "times hessian"]


def test_it_says_that_it_is_an_estimate():
    assert not draw().exact and not draw().halves()[0].exact


def test_all_derivatives_are_made_of_the_same_draws():
    jet = draw()
    hessian, gradient = jet.hessian, jet.gradient
    assert_close(jet.second(), hessian.diagonal(dim1=-2, dim2=-1))
    assert_close(jet.second([2, 0]), jet.second()[..., [2, 0]])
    assert_close(jet.laplacian(), jet.second().sum(-1))
    assert_close(jet.laplacian([0, 2]), jet.second([0, 2]).sum(-1))
    assert_close(jet.trace(torch.ones(4, 3).double()), jet.laplacian())
    assert_close(jet.times_hessian(DIRECTION), torch.einsum("bcij,bj->bci", hessian, DIRECTION))
    assert_close(jet.along(DIRECTION), torch.einsum("bci,bi->bc", gradient, DIRECTION))
    for i in range(3):
        assert_close(draw().derivative(i), gradient[..., i])
        for j in range(3):
            assert_close(jet.derivative(i, j), hessian[..., i, j])


@pytest.mark.parametrize("kind", ["antithetic", "control", "vanilla"])
@pytest.mark.parametrize("name", ["value", "gradient", "laplacian", "hessian"])
def test_the_mean_of_the_halves_is_the_whole(name, kind):
    jet = draw(kind=kind)
    one, other = (WANTED[name](half) for half in jet.halves())
    assert not torch.allclose(one, other)
    assert_close((one + other) / 2, WANTED[name](jet))


def test_the_errors_of_the_halves_are_independent():
    rng = torch.Generator().manual_seed(4)
    noise = HeldNoise(torch.randn(4000, 6, 3, dtype=torch.float64, generator=rng))
    x = torch.tensor([0.3, -0.4, 0.9], dtype=torch.float64).expand(4000, 3)
    z = SIGMA * noise.part(0, 6)
    values = torch.stack([net(x[:, None] + sign * z) for sign in (1, -1)], 1)
    one, other = SteinJet(values, net(x), noise=noise, sigma=SIGMA).halves()
    pair = torch.stack([one.laplacian()[:, 0], other.laplacian()[:, 0]])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 4 / 4000**0.5


def test_a_biased_square_is_that_of_the_gradient():
    jet = draw(biased=True)
    assert_close(jet.square_gradient(), jet.gradient.square().sum(-1))
    assert_close(jet.halves()[0].square_gradient(), jet.halves()[0].gradient.square().sum(-1))


def test_the_square_of_two_draws_is_the_product_of_the_halves():
    jet = draw(count=2)
    one, other = (half.gradient for half in jet.halves())
    assert_close(jet.square_gradient(), (one * other).sum(-1))
    assert_close(jet.square_gradient([2, 0]), (one * other)[..., [0, 2]].sum(-1))


@pytest.fixture
def scarce(monkeypatch):
    """Room for one draw alone."""
    monkeypatch.setattr(noises, "HELD", 1)


@pytest.mark.parametrize("name", WANTED)
def test_draws_made_again_give_the_same_values_and_gradients(name, scarce):
    found = []
    for held in (False, True):
        weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
        noise = SeededNoise(5, 4, 9, torch.zeros(4, 3, dtype=torch.float64))
        assert len(noise.pieces()) == 9
        noise = HeldNoise(noise.part(0, 9)) if held else noise
        jet = draw(noise=noise, weight=weight)
        values = [WANTED[name](one) for one in (jet, *jet.halves())]
        slope = torch.autograd.grad(sum(one.square().sum() for one in values), weight)
        found.append([*values, *slope])
    assert_close(*found)


def test_which_draws_are_asked_for_changes_none():
    noise = SeededNoise(5, 2, 50, torch.zeros(2, 3))
    whole = noise.part(0, 50)
    parts = [noise.part(0, 7), noise.part(7, 33), noise.narrow(33, 50).part(0, 17)]
    assert torch.equal(torch.cat(parts, 1), whole)
    assert len(whole.unique()) == whole.numel()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_nothing_is_recorded_for_a_jet_made_without_gradients(mode):
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    with mode():
        jet = draw(weight=weight)
    assert not any(wanted(jet).requires_grad for wanted in WANTED.values())


def test_a_jet_made_with_gradients_keeps_them():
    jet = draw(weight=torch.tensor(0.7, dtype=torch.float64, requires_grad=True))
    with torch.no_grad():
        made = [wanted(jet) for wanted in WANTED.values()]
        made += [wanted(jet.halves()[0]) for wanted in WANTED.values()]
    assert all(one.requires_grad for one in made)


def test_third_derivatives_are_refused():
    with pytest.raises(NotImplementedError, match=r"\(0, 1, 1\) is of order 3"):
        draw().derivative(0, 1, 1)


def test_a_hessian_of_many_coordinates_is_refused():
    z = torch.randn(4, SMALL + 1)
    jet = SteinJet(torch.zeros(2, 2, 4, 1), torch.zeros(2, 1), noise=HeldNoise(z), sigma=SIGMA)
    with pytest.raises(NotImplementedError, match="times_hessian"):
        _ = jet.hessian


@pytest.mark.parametrize("name", ["halves", "square_gradient"])
def test_one_draw_alone_has_no_halves(name):
    with pytest.raises(ValueError, match=f"{name} needs two independent estimates"):
        getattr(draw(count=1), name)()


def groups(count=6):
    """The jet of four points, and the same of three and one joined."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(4, 3, dtype=torch.float64, generator=rng)
    z = torch.randn(count, 3, dtype=torch.float64, generator=rng)

    def made(x) -> Jet:
        values = torch.stack([net(x[:, None] + sign * SIGMA * z) for sign in (1, -1)], 1)
        return SteinJet(values, net(x), noise=HeldNoise(z), sigma=SIGMA)

    return made(x), JoinedJet([made(x[:3]), made(x[3:])], [3, 1])


@pytest.mark.parametrize("name", JOINED)
def test_a_joined_jet_is_the_jet_of_all_points(name):
    whole, joined = groups()
    assert joined.exact is whole.exact
    assert_close(WANTED[name](joined), WANTED[name](whole))
    for one, other in zip(joined.halves(), whole.halves(), strict=True):
        assert_close(WANTED[name](one), WANTED[name](other))
