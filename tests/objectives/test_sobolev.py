"""Sobolev: seminorms by Parseval, the loss by plain loops, the mean's part, what is refused."""

import cmath
import itertools
import math

import pytest
import torch

from tests.objectives import toys
from tests.objectives.toys import bound
from zoo.models.base import Interface, Model
from zoo.objectives.sobolev import Sobolev
from zoo.ops.derivatives import seminorms, spectral


class Given(Model):
    """A model that answers with what it was made with."""

    def __init__(self, y):
        super().__init__()
        self.y = y

    def forward(self, u, p):
        return self.y


def derived(rows, side, power):
    """Derivative of a periodic list by its Fourier sum, wave by wave."""
    n, out = len(rows), [0.0] * len(rows)
    for k in range(-(n // 2), (n + 1) // 2):
        if power % 2 and 2 * k == -n:
            continue
        wave = sum(v * cmath.exp(-2j * math.pi * k * j / n) for j, v in enumerate(rows)) / n
        for j in range(n):
            angle = 2j * math.pi * k / side
            out[j] += (angle**power * wave * cmath.exp(2j * math.pi * k * j / n)).real
    return out


def norm_of_derivatives(field, sides, order):
    """||Dᵏ|| of a nested list (n1, n2): every sequence of axes is an entry."""
    total = 0.0
    for axes in itertools.product(range(2), repeat=order):
        rows = [derived(row, sides[1], axes.count(1)) for row in field]
        columns = [derived(list(c), sides[0], axes.count(0)) for c in zip(*rows, strict=True)]
        total += sum(v**2 for column in columns for v in column)
    return math.sqrt(total)


def test_the_loss_is_what_plain_loops_over_waves_points_and_axes_give():
    objective, model = bound(Sobolev(2, 0.7, derivatives=0.3))
    data = toys.batch(count=2, n=6)
    prediction = model(data["u"], data["p"]).detach()
    losses = []
    for i in range(2):
        y, error = data["y"][i, 0, 0].tolist(), (prediction - data["y"])[i, 0, 0].tolist()
        loss = 0.0
        for order in (0, 1, 2):
            sizes = [norm_of_derivatives(f, (toys.SIDE, toys.SIDE), order) for f in (error, y)]
            loss += (0.3 if order else 0.7) * sizes[0] / sizes[1]
        losses.append(loss)
    found = float(objective(model, data)["loss"].detach())
    assert found == pytest.approx(sum(losses) / 2, rel=1e-4)


def test_seminorms_follow_each_samples_own_spacing(rng):
    u = torch.randn(2, 3, 2, 8, 6, dtype=torch.float64, generator=rng)
    dx = torch.tensor([[0.1, 0.2], [0.3, 0.15]], dtype=torch.float64)
    first = [spectral(u.flatten(1, 2), axis, dx[:, axis], 1) for axis in (0, 1)]
    second = [spectral(u.flatten(1, 2), axis, dx[:, axis], 2) for axis in (0, 1)]
    mixed = spectral(first[0], 1, dx[:, 1], 1)
    gradient = torch.stack(first, 1).flatten(1).norm(dim=1)
    hessian = torch.stack([*second, mixed, mixed], 1).flatten(1).norm(dim=1)
    assert torch.allclose(seminorms(u, dx, 2), torch.stack([gradient, hessian], 1), rtol=1e-12)


@pytest.mark.parametrize("dimension", [1, 3])
def test_seminorms_of_a_wave_are_its_wave_numbers_powers(dimension):
    x = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    u = x.sin().view(1, 1, 1, -1, *[1] * (dimension - 1)).expand(1, 1, 1, *[8] * dimension)
    dx = torch.full((1, dimension), 0.5, dtype=torch.float64)
    k = 2 * math.pi / 4.0
    want = torch.tensor([k, k**2, k**3], dtype=torch.float64) * u.norm()
    assert torch.allclose(seminorms(u, dx, 3)[0], want, rtol=1e-12)


def test_without_values_the_mean_alone_is_compared_with_the_values(rng):
    y = torch.randn(2, 1, 1, 8, 8, generator=rng)
    data = {"u": y, "y": y, "p": None, "dx": torch.full((2, 2), 0.25)}
    terms = Sobolev(1, 0.0, derivatives=2.0)(Given(y + 0.5), data)
    want = (0.5 * 8 / y.flatten(1).norm(dim=1)).mean()
    assert float(terms["loss"]) == pytest.approx(2 * float(want), rel=1e-4)
    assert float(terms["order_1"]) < 1e-5


def test_without_values_two_fields_of_one_mean_differ_by_their_derivatives_alone(rng):
    y = torch.randn(2, 1, 1, 8, 8, generator=rng)
    data = {"u": y, "y": y, "p": None, "dx": torch.full((2, 2), 0.25)}
    terms = Sobolev(1, 0.0)(Given(y.flip(-1)), data)
    assert float(terms["loss"]) == pytest.approx(float(terms["order_1"]), rel=1e-5)
    assert float(terms["mean"]) < 1e-5 and float(terms["order_1"]) > 0.5


def test_a_target_that_is_constant_to_rounding_does_not_blow_the_loss_up(rng):
    y = 1 + 1e-7 * torch.randn(1, 1, 1, 8, 8, generator=rng)
    data = {"u": y, "y": y, "p": None, "dx": torch.full((1, 2), 0.25)}
    wave = 1e-3 * torch.sin(2 * math.pi * torch.arange(8) / 8).expand(8, 8)
    # a wave of norm 10⁻³ ||u|| / √2 and of the longest length counts as 1 / √2
    error = float(Sobolev(1)(Given(y + wave), data)["order_1"])
    assert error == pytest.approx(math.sqrt(0.5), rel=1e-3)


def test_a_perfect_prediction_has_a_finite_gradient(rng):
    y = torch.randn(1, 1, 1, 8, 8, generator=rng)
    given = y.clone().requires_grad_()
    data = {"u": y, "y": y, "p": None, "dx": torch.full((1, 2), 0.25)}
    Sobolev(2)(Given(given), data)["loss"].backward()
    assert given.grad is not None and bool(given.grad.isfinite().all())


def test_a_box_that_is_not_periodic_is_refused():
    walls = Interface(("u",), ("u",), history=8, dt=toys.DT, boundary="dirichlet")
    with pytest.raises(ValueError, match=r"non-periodic field given to Fourier.*dirichlet"):
        Sobolev().bind(toys.model(), walls)


def test_targets_that_are_not_finite_are_refused_by_sample():
    objective, model = bound(Sobolev())
    data = toys.batch(n=8)
    data["y"][2, 0, 0, 1, 1] = float("nan")
    with pytest.raises(ValueError, match=r"samples \[2\].*not finite"):
        objective(model, data)


@pytest.mark.parametrize("wrong", [{"order": 0}, {"values": -1.0}, {"derivatives": 0.0}])
def test_orders_and_weights_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        Sobolev(**wrong)
