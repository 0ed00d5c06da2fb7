"""Normalisers: units in, units out, and what each leaves unchanged."""

import pytest
import torch

from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.homogeneous import Homogeneous

INTERFACE = Interface(("f", "g"), ("u",), ("k", "w"))


def homogeneous(source=None):
    normaliser = Homogeneous(source).bind(INTERFACE)
    normaliser.fill({"source_rms": 0.3, "coefficient_median": [0.02, 7.0]})
    return normaliser


@pytest.fixture
def fields(rng):
    return torch.randn(3, 1, 2, 8, 8, generator=rng), torch.rand(3, 2, generator=rng)


def solver():
    torch.manual_seed(0)
    net = FNO(INTERFACE, Homogeneous(), width=8, modes=3, layers=2)
    net.normaliser.fill({"source_rms": 0.3, "coefficient_median": [0.02, 7.0]})
    return net


def test_homogeneous_leaves_the_solution_unchanged_under_a_common_factor(fields):
    u, p = fields
    net = solver()
    factor = torch.tensor([0.25, 2.0, 1024.0])  # powers of two: equal bit for bit
    with torch.no_grad():
        scaled = net(u * factor.view(3, 1, 1, 1, 1), p * factor[:, None])
        assert torch.equal(scaled, net(u, p))
        odd = net(3.7 * u, 3.7 * p)
        assert torch.allclose(odd, net(u, p), rtol=1e-4, atol=1e-6)


def test_homogeneous_gives_every_source_the_typical_size(fields):
    u, p = fields
    scaled, coefficients, state = homogeneous().encode(5 * u, p)
    assert torch.allclose(scaled.flatten(1).square().mean(1).sqrt(), torch.tensor(0.3))
    factor = (5 * u).flatten(1).square().mean(1).sqrt() / 0.3
    assert torch.allclose(coefficients, p / factor[:, None] / torch.tensor([0.02, 7.0]))
    assert state is None


def test_homogeneous_takes_the_factor_of_the_named_source_alone(fields):
    u, p = fields
    other = u.clone()
    other[:, :, 1] *= 9
    one, two = (homogeneous(["f"]).encode(x, p)[1] for x in (u, other))
    assert torch.equal(one, two)
    with pytest.raises(ValueError, match="must name inputs"):
        Homogeneous(["h"]).bind(INTERFACE)


def test_a_zero_source_has_scale_one_and_finite_gradients(fields):
    u, p = fields
    u = torch.zeros_like(u).requires_grad_()
    net = solver()
    scaled, coefficients, _ = net.normaliser.encode(u, p)
    assert not scaled.any()
    assert torch.allclose(coefficients, p / torch.tensor([0.02, 7.0]))
    net(u, p).square().sum().backward()
    assert u.grad.isfinite().all()


def test_homogeneous_does_not_depend_on_the_grid():
    factors = []
    for n in (16, 64, 128):
        x = torch.arange(n, dtype=torch.float64) / n * 2 * torch.pi
        u = (torch.sin(x)[:, None] + torch.cos(3 * x))[None, None, None].expand(1, 1, 2, n, n)
        factors.append(homogeneous().double().encode(u, torch.ones(1, 2).double())[1])
    assert torch.allclose(factors[0], factors[1], rtol=1e-12)
    assert torch.allclose(factors[0], factors[2], rtol=1e-12)


def moments(offset=0.0):
    return {
        "inputs_mean": [1.0, -2.0],
        "inputs_std": [0.5, 4.0],
        "outputs_mean": [10.0],
        "outputs_std": [3.0 + offset],
        "coefficients_mean": [0.1, 0.2],
        "coefficients_std": [2.0, 0.0],
    }


def test_affine_gives_mean_zero_and_size_one_and_goes_back(fields):
    u, p = fields
    normaliser = Affine().bind(INTERFACE)
    normaliser.fill(moments())
    physical = u * torch.tensor([0.5, 4.0]).view(2, 1, 1) + torch.tensor([1.0, -2.0]).view(2, 1, 1)
    scaled, coefficients, state = normaliser.encode(physical, p)
    assert torch.allclose(scaled, u, atol=1e-6)
    # a coefficient that never varies keeps its scale
    assert torch.allclose(coefficients[:, 1], p[:, 1] - 0.2)
    assert torch.allclose(coefficients[:, 0], (p[:, 0] - 0.1) / 2)
    y = torch.randn(3, 1, 1, 8, 8)
    assert torch.allclose(normaliser.decode((y - 10) / 3, state), y, atol=1e-5)


@pytest.mark.parametrize(
    ("normaliser", "statistics", "words"),
    [
        (Affine(), moments() | {"inputs_std": [1.0]}, "inputs_std"),
        (Affine(), moments() | {"outputs_mean": [float("nan")]}, "outputs_mean"),
        (Homogeneous(), {"source_rms": 0.0, "coefficient_median": [1.0, 1.0]}, "source_rms"),
        (Homogeneous(), {"source_rms": 1.0, "coefficient_median": [1.0]}, "coefficient_median"),
    ],
)
def test_statistics_that_do_not_fit_are_refused_by_name(normaliser, statistics, words):
    with pytest.raises(ValueError, match=words):
        normaliser.bind(INTERFACE).fill(statistics)


def test_statistics_travel_in_the_state(fields):
    u, p = fields
    net, other = solver(), FNO(INTERFACE, Homogeneous(), width=8, modes=3, layers=2)
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(other(u, p), net(u, p))
