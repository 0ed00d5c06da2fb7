"""Derivative: the derivatives, and the two losses."""

import itertools
import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.models.base import Interface
from zoo.objectives.derivative import Derivative
from zoo.ops.derivatives import at_start, central, spectral


def wave(n, side, k=2):
    """sin along the first axis, cos along the second, with all their derivatives."""
    x, y = (2 * math.pi * k * torch.arange(n, dtype=torch.float64) / n for _ in range(2))
    w = 2 * math.pi * k / side
    sx, cx, sy, cy = x.sin()[:, None], x.cos()[:, None], y.sin(), y.cos()
    return sx * cy, [w * cx * cy, -w * sx * sy, -(w**2) * sx * cy, -(w**2) * sx * cy]


@pytest.mark.parametrize("n", [16, 15])
def test_spectral_derivatives_of_a_wave_are_exact_for_each_samples_spacing(n):
    u = torch.stack([wave(n, side)[0] for side in (2.0, 3.0)])[:, None]
    dx = torch.tensor([2.0, 3.0], dtype=torch.float64) / n
    for i, (axis, order) in enumerate([(0, 1), (1, 1), (0, 2), (1, 2)]):
        want = torch.stack([wave(n, side)[1][i] for side in (2.0, 3.0)])[:, None]
        assert torch.allclose(spectral(u, axis, dx, order), want, atol=1e-11)


def test_an_odd_derivative_is_zero_at_the_nyquist_wave():
    u = torch.tensor([1.0, -1.0]).repeat(4)[None, None]
    assert float(spectral(u, 0, torch.ones(1), 1).abs().max()) < 1e-6
    assert torch.allclose(spectral(u, 0, torch.ones(1), 2), -(math.pi**2) * u, atol=1e-5)


@pytest.mark.parametrize("order", [1, 2])
def test_central_differences_are_of_second_order(order):
    errors = []
    for n in (32, 64):
        u, maps = wave(n, 2.0)
        dx = torch.tensor([2.0 / n], dtype=torch.float64)
        error = central(u[None, None], 0, dx, order)[0, 0] - maps[2 * order - 2]
        errors.append(float(error.norm() / maps[2 * order - 2].norm()))
    assert 3.9 < errors[0] / errors[1] < 4.1


def test_differences_in_time_are_of_second_order_and_exact_for_parabolas():
    t = torch.arange(3, dtype=torch.float64)
    for dt in (0.1, 0.2):
        u = (2 + 3 * (dt * t) - 5 * (dt * t) ** 2).view(1, 3, 1, 1)
        spacing = torch.tensor([dt], dtype=torch.float64)
        assert float(at_start(u, spacing)) == pytest.approx(3, rel=1e-12)
    errors = [
        abs(float(at_start((dt * t).exp().view(1, 3, 1, 1), torch.tensor([dt]).double())) - 1)
        for dt in (0.02, 0.01)
    ]
    assert 3.8 < errors[0] / errors[1] < 4.2


def norm(values):
    return math.sqrt(sum(x * x for x in values))


def maps_of(batch, b):
    """u_t, u_x, u_y, u_xx, u_yy of a sample, from the sums of its Fourier series."""
    u, dx, dt = batch["u"][b, :, 0].double(), batch["dx"][b], float(batch["dt"][b])
    maps = [((-3 * u[0] + 4 * u[1] - u[2]) / (2 * dt)).flatten().tolist()]
    n = u.shape[-1]
    k = torch.arange(-(n // 2) + 1, n // 2)
    x = torch.arange(n)
    for order, axis in ((1, 0), (1, 1), (2, 0), (2, 1)):
        angle = 2 * math.pi * k[:, None] * x[None, :] / n
        waves = torch.exp(-1j * angle.double()) @ u[0].movedim(axis, 0).to(torch.complex128) / n
        factor = (2j * math.pi * k / (n * float(dx[axis]))) ** order
        back = torch.exp(1j * angle.double()).T @ (factor[:, None] * waves)
        maps.append(back.real.movedim(0, axis).flatten().tolist())
    return maps


@pytest.mark.parametrize("balanced", [True, False])
def test_derivative_is_a_relative_error_of_each_map_or_of_all(balanced):
    objective, model = bound(Derivative(balanced=balanced))
    batch = toys.batch()
    batch["dx"] = batch["dx"] * torch.tensor([[1.0, 2.0], [1.5, 1.0], [1.0, 1.0], [0.5, 1.0]])
    told = objective.head(model.features(batch["u"])).detach()
    total = 0.0
    for b in range(4):
        side = (16 * batch["dx"][b] / (2 * math.pi)).tolist()
        units = [7 * toys.DT, *side, *(s**2 for s in side)] if balanced else [1.0] * 5
        want = [[x * unit for x in m] for m, unit in zip(maps_of(batch, b), units, strict=True)]
        got = [m.flatten().tolist() for m in told[b]]
        errors = [[x - y for x, y in zip(*m, strict=True)] for m in zip(got, want, strict=True)]
        if balanced:
            each = [norm(e) / norm(w) for e, w in zip(errors, want, strict=True)]
            total += sum(each) / len(each)
        else:
            total += norm(itertools.chain(*errors)) / norm(itertools.chain(*want))
    loss = float(objective(model, batch)["loss"].detach())
    assert loss == pytest.approx(total / 4, rel=1e-4)


def test_a_map_that_vanishes_does_not_blow_the_balanced_error_up():
    objective, model = bound(Derivative())
    batch = toys.batch()
    batch["u"] = batch["u"].mean(-1, keepdim=True).expand_as(batch["u"]) + 1.0
    assert float(objective(model, batch)["loss"].detach()) < 1e4
    batch["u"] = torch.zeros_like(batch["u"])
    loss = objective(model, batch)["loss"]
    loss.backward()
    assert bool(loss.isfinite())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


def test_derivative_takes_three_frames_and_a_periodic_box():
    with pytest.raises(ValueError, match="history=2, but u_t takes 3 frames"):
        bound(Derivative(), history=2)
    walls = Interface(("u",), ("u",), box=(2.0, 2.0), boundary="dirichlet")
    with pytest.raises(ValueError, match="the box is dirichlet"):
        Derivative().bind(toys.model(), walls)
