"""DeepONet: its formula, its latent rank, queries anywhere, the paper's pointwise variant."""

import math

import pytest
import torch
import torch.nn.functional as F

from zoo.models.base import Interface
from zoo.models.deeponet import DeepONet
from zoo.models.parts.affine import Affine
from zoo.models.parts.sensing import linear, spectral

SIDES = (2.0, 1.0, 3.0)


def net(dimension=2, boundary="periodic", changes=None, **arguments):
    torch.manual_seed(0)
    fields = {"inputs": ("u", "v"), "outputs": ("u", "v"), "coefficients": ("nu",)}
    fields |= {"history": 2, "horizon": 3, "box": SIDES[:dimension], "boundary": boundary}
    small = {"rank": 12, "sensors": 8, "hidden": 16, "layers": 2}
    model = DeepONet(Interface(**fields | (changes or {})), Affine(), **small | arguments)
    model.normaliser.outputs_mean += 0.3
    return model


def fields(n, batch, channels, rng, waves=3):
    """Random periodic fields of waves up to `waves`, the same on every 2-D grid (n, n)."""
    x = torch.arange(n, dtype=torch.float64) / n * 2 * math.pi
    k = torch.arange(waves + 1)
    each = torch.cat([torch.cos(k[:, None] * x), torch.sin(k[1:, None] * x)])
    size = (batch, channels, len(each), len(each))
    amplitudes = torch.randn(size, generator=rng, dtype=torch.float64)
    return torch.einsum("bcij,ix,jy->bcxy", amplitudes, each, each).float()


def perceptron(part, x):
    h = x
    for i, layer in enumerate(part.layers):
        h = F.linear(F.silu(h) if i else h, layer.weight, layer.bias)
    return h if part.straight is None else h + x @ part.straight.weight.T


def test_it_is_the_stated_formula_with_plain_loops(rng):
    model, u = net(waves=2), torch.randn(2, 2, 2, 8, 8, generator=rng)
    p = torch.rand(2, 1, generator=rng)
    u_hat = torch.fft.fft2(u)
    u_hat[..., 4, :] = u_hat[..., :, 4] = 0  # the Nyquist waves, also on the sensors' own grid
    values = torch.cat([torch.fft.ifft2(u_hat).real.flatten(1), p], 1)
    each = [lambda s: 1.0] + [lambda s, k=k: 2**0.5 * math.cos(2 * math.pi * k * s) for k in (1, 2)]
    each += [lambda s, k=k: 2**0.5 * math.sin(2 * math.pi * k * s) for k in (1, 2)]
    with torch.no_grad():
        b, y = perceptron(model.branch_net, values), model(u, p)
        for i, j in [(0, 0), (3, 5), (7, 1)]:
            seen = torch.tensor([f(i / 8) * g(j / 8) for f in each for g in each])
            t = perceptron(model.trunk_net, seen)
            for o in range(6):
                want = sum(model.output.weight[o] * b[1] * t) + model.output.bias[o] + 0.3
                assert float(y[1].flatten(0, 1)[o, i, j]) == pytest.approx(float(want), abs=1e-4)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("boundary", ["periodic", "dirichlet"])
def test_forward_is_the_query_on_the_grid_in_every_dimension(dimension, boundary, rng):
    model, grid = net(dimension, boundary, waves=None), (8, 6, 10)[:dimension]
    u, p = torch.randn(2, 2, 2, *grid, generator=rng), torch.rand(2, 1, generator=rng)
    axes = [torch.arange(n) * (side / n) for n, side in zip(grid, SIDES, strict=False)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
    with torch.no_grad():
        asked = model.query(u, points.expand(2, -1, -1), p)
        assert torch.allclose(asked, model(u, p).flatten(3), atol=1e-5)


def test_with_gradients_forward_is_the_same_and_so_are_they(rng):
    model = net().double()
    u, p = torch.randn(2, 2, 2, 8, 6, generator=rng).double(), torch.rand(2, 1, generator=rng)
    p = p.double()
    with torch.no_grad():
        y = model(u, p)
    assert torch.allclose(model(u, p), y, atol=1e-12)
    weight = torch.randn(y.shape, generator=rng).double()
    slow = model.normaliser.decode(model.project(model.features(u, p)), None)
    found = torch.autograd.grad((weight * model(u, p)).sum(), list(model.parameters()))
    want = torch.autograd.grad((weight * slow).sum(), list(model.parameters()))
    for a, b in zip(found, want, strict=True):
        assert torch.allclose(a, b, atol=1e-10)


def test_each_sample_is_asked_at_its_own_points(rng):
    model, p = net(), torch.rand(2, 1, generator=rng)
    u, points = fields(8, 2, 4, rng).unflatten(1, (2, 2)), torch.rand(2, 5, 2, generator=rng)
    with torch.no_grad():
        both = model.query(u, points, p)
        assert torch.allclose(both[1:], model.query(u[1:], points[1:], p[1:]), atol=1e-6)
        assert not torch.allclose(both[1:], model.query(u[1:], points[:1], p[1:]), atol=1e-2)


@pytest.mark.parametrize("waves", [0, 3])
def test_a_periodic_box_goes_on_beyond_its_sides(waves, rng):
    model, p = net(waves=waves).double(), torch.rand(1, 1, generator=rng).double()
    u = torch.randn(1, 2, 2, 8, 8, generator=rng).double()
    points = torch.rand(1, 7, 2, generator=rng).double()
    with torch.no_grad():
        moved = model.query(u, points + torch.tensor([-4.0, 3.0]), p)
        assert torch.allclose(moved, model.query(u, points, p), atol=1e-10)


def test_the_latent_rank_of_the_outputs_exceeds_eight(rng):
    interface = Interface(("u",), ("u",), history=1)
    torch.manual_seed(0)
    sensors, pixels = (
        DeepONet(interface, Affine()),
        DeepONet(interface, Affine(), branch="pointwise"),
    )
    u = fields(16, 200, 1, rng)[:, None]
    with torch.no_grad():
        y = sensors(u)[:, 0, 0].flatten(1)
        ratios = torch.linalg.svdvals(y - y.mean(0))
        assert int((ratios > 1e-3 * ratios[0]).sum()) > 8
        # the branch of a pixel is one number of one pixel: rank one in the latent sense
        assert pixels.features(u).shape[1] == 1


def test_space_is_mixed_by_sensors_and_by_no_pixel(rng):
    interface = Interface(("u",), ("u",), coefficients=("nu",))
    for branch, mixes in (("sensors", True), ("pointwise", False)):
        torch.manual_seed(0)
        model = DeepONet(interface, Affine(), sensors=8, hidden=16, branch=branch)
        u = torch.randn(1, 1, 1, 8, 8, generator=rng).requires_grad_()
        model(u, torch.ones(1, 1))[0, 0, 0, 2, 3].backward()
        elsewhere = u.grad[0, 0, 0].clone()
        elsewhere[2, 3] = 0
        assert bool(elsewhere.any()) is mixes
        assert u.grad[0, 0, 0, 2, 3] != 0


def test_the_pointwise_variant_is_the_paper_s_formula_and_size(rng):
    interface = Interface(("u",), ("u",), ("dx", "dy", "dt"), history=8, box=(2.0, 2.0))
    torch.manual_seed(0)
    model = DeepONet(interface, Affine(), hidden=256, branch="pointwise")
    assert sum(p.numel() for p in model.parameters()) == 267_523  # page A3
    u, p = torch.randn(1, 8, 1, 4, 4, generator=rng), torch.rand(1, 3, generator=rng)
    with torch.no_grad():
        b = perceptron(model.branch_net, torch.cat([u[0, :, 0, 1, 3], p[0]]))
        t = perceptron(model.trunk_net, torch.tensor([2 * 1 / 4 - 1, 2 * 3 / 4 - 1]))
        want = float(b * t + model.bias)
        assert float(model(u, p)[0, 0, 0, 1, 3]) == pytest.approx(want, abs=1e-6)


def test_a_coefficient_changes_the_output(rng):
    model, u = net(), torch.randn(1, 2, 2, 8, 8, generator=rng)
    with torch.no_grad():
        assert not torch.allclose(model(u, torch.ones(1, 1)), model(u, torch.zeros(1, 1)))


@pytest.mark.parametrize("n", [5, 6, 8, 9, 31])
def test_sensors_read_periodic_waves_that_the_grid_holds_exactly(n):
    for k in range((min(n, 8) - 1) // 2 + 1):
        wave = torch.sin(2 * math.pi * k * torch.arange(n).double() / n + 0.4)
        want = torch.sin(2 * math.pi * k * torch.arange(8).double() / 8 + 0.4)
        assert torch.allclose(spectral(8, n) @ wave, want, atol=1e-12)


def test_finer_waves_do_not_alias_into_the_sensors():
    x = torch.arange(32).double() / 32
    for k in range(4, 17):
        assert float((spectral(8, 32) @ torch.cos(2 * math.pi * k * x)).abs().max()) < 1e-12


def test_sensors_of_a_closed_box_interpolate_linearly():
    got = linear(8, 6) @ (3 * torch.arange(6).double() / 6 + 1)
    want = 3 * (torch.arange(8).double() / 8).clamp(max=5 / 6) + 1
    assert torch.allclose(got, want, atol=1e-12)


def test_surgery_keeps_the_function_of_the_old_channels(rng):
    from zoo.surgery import adapt

    model = net().eval()
    u, p = torch.randn(1, 2, 2, 8, 8, generator=rng), torch.rand(1, 1, generator=rng)
    more = adapt(model, inputs=("w", "v", "u"), coefficients=("a", "nu"), outputs=("v", "u"))
    wider = torch.stack([torch.randn(1, 2, 8, 8, generator=rng), u[:, :, 1], u[:, :, 0]], 2)
    with torch.no_grad():
        found = more(wider, torch.cat([torch.ones(1, 1), p], 1))
        assert torch.allclose(found, model(u, p).flip(2), atol=1e-5)


@pytest.mark.parametrize(
    ("points", "boundary", "words"),
    [
        (torch.zeros(2, 5, 2), "periodic", r"points has shape \(2, 5, 2\); .* needs \(1, m, 2\)"),
        (torch.zeros(1, 5, 3), "periodic", r"needs \(1, m, 2\)"),
        (torch.zeros(5, 2), "periodic", r"points has shape \(5, 2\)"),
        (torch.full((1, 1, 2), math.nan), "periodic", "2 coordinates that are not finite"),
        (torch.tensor([[[0.5, 1.25]]]), "dirichlet", r"\[0.5, 1.25\], outside the box from 0 to"),
    ],
)
def test_points_that_mean_nothing_are_refused(points, boundary, words):
    with pytest.raises(ValueError, match=words):
        net(boundary=boundary).query(torch.zeros(1, 2, 2, 8, 8), points, torch.ones(1, 1))


def test_a_pointwise_branch_answers_no_query():
    model = net(branch="pointwise", rank=None)
    with pytest.raises(ValueError, match="needs branch='sensors'"):
        model.query(torch.zeros(1, 2, 2, 8, 8), torch.zeros(1, 1, 2), torch.ones(1, 1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sensors": (8, 8, 8)}, "one for all or one for each of 2 axes"),
        ({"sensors": 1}, "sensors=1 must be at least 2"),
        ({"hidden": (1, 2, 3)}, "hidden may be two"),
        ({"rank": 0}, "rank=0 must be positive"),
        ({"branch": "pointwise"}, "rank=12 has no meaning when branch='pointwise'"),
        ({"branch": "pixels"}, "pixels"),
        ({"waves": -1}, "waves=-1 on a box that is periodic"),
        ({"waves": 2, "boundary": "dirichlet"}, "waves=2 on a box that is dirichlet"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        net(**arguments)
