"""OFormer: what attention computes, what it costs, and where it can be asked."""

import cmath
import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from zoo.models.base import Interface
from zoo.models.oformer import OFormer
from zoo.models.parts.affine import Affine
from zoo.models.parts.galerkin import GalerkinAttention, lowest_waves, turns


def net(box=(2.0, 1.0), **changes):
    torch.manual_seed(0)
    interface = Interface(("u",), ("u", "v"), ("nu",), box=box, history=2, horizon=3)
    small = {"width": 8, "heads": 2, "cross_heads": 3, "head_width": 4, "modes": 2} | changes
    return OFormer(interface, Affine(), **small).double()


def given(box, grid, rng, batch=2):
    u = torch.randn(batch, 2, 1, *grid, generator=rng, dtype=torch.float64)
    return u, torch.rand(batch, 1, generator=rng, dtype=torch.float64)


def looped(attention, z, angles_z, h, angles_h):
    """One sample by the definition: z (m, w), h (n, w), lists of angles for each pair."""
    n, (heads, _, d) = len(h), attention.value.shape

    def turn(q, angles):
        pairs = [complex(q[2 * i], q[2 * i + 1]) * cmath.exp(1j * a) for i, a in enumerate(angles)]
        return [part for pair in pairs for part in (pair.real, pair.imag)]

    q = [turn(attention.query(row).tolist(), a) for row, a in zip(z, angles_z, strict=True)]
    k = [turn(attention.key(row).tolist(), a) for row, a in zip(h, angles_h, strict=True)]
    y = torch.zeros(len(z), h.shape[1], dtype=h.dtype)
    for head in range(heads):
        v = (h @ attention.value[head]).tolist()
        size_v = [math.sqrt(sum(row[e] ** 2 for row in v) / n + 1e-5) for e in range(d)]
        for c in range(d):
            at = head * d + c
            pair = (at // 2 * 2, at // 2 * 2 + 1)
            size_k = math.sqrt(sum(row[p] ** 2 for row in k for p in pair) / (2 * n) + 1e-5)
            for e in range(d):
                met = sum(k[j][at] * v[j][e] for j in range(n)) / n / size_k
                met = met / size_v[e] if attention.level else met
                for i in range(len(z)):
                    y[i] += q[i][at] * met * attention.output[head, e]
    return y


@pytest.mark.parametrize("level", [True, False])
def test_attention_is_its_definition_in_plain_loops(level, rng):
    torch.manual_seed(0)
    attention = GalerkinAttention(5, 2, 4, level).double()
    z, h = (torch.randn(2, n, 5, generator=rng, dtype=torch.float64) for n in (3, 6))
    at_z, at_h = (torch.randn(2, n, 4, generator=rng, dtype=torch.float64) for n in (3, 6))
    with torch.no_grad():
        got = attention(z, turns(at_z), h, turns(at_h))
        for i in range(2):
            want = looped(attention, z[i], at_z[i].tolist(), h[i], at_h[i].tolist())
            assert torch.allclose(got[i], want, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own
def test_the_gradient_of_attention_is_exact_to_second_order(rng):
    torch.manual_seed(0)
    attention = GalerkinAttention(3, 1, 2).double()
    h = torch.randn(2, 4, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    turn = turns(torch.randn(1, 4, 1, generator=rng, dtype=torch.float64))

    def at(h):
        return attention(h, turn, h, turn)

    assert torch.autograd.gradcheck(at, h, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(at, h)


def test_waves_come_by_length_and_one_of_each_pair():
    waves = lowest_waves(5, 2)
    assert waves == [(0, 0), (0, 1), (1, 0), (1, -1), (1, 1)]
    many = lowest_waves(200, 3)
    assert not {tuple(-m for m in k) for k in many[1:]} & set(many)
    lengths = [sum(m * m for m in k) for k in many]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(("box", "grid"), [((2.0,), (10,)), ((2.0, 1.0), (6, 5))])
def test_tokens_are_a_set(box, grid, rng):
    model, (u, p) = net(box), given(box, grid, rng)
    points = model._grid(u)
    order = torch.randperm(points.shape[1], generator=rng)
    mixed = u.flatten(3)[..., order].unflatten(3, grid)
    with torch.no_grad():
        h, again = model._encode(u, p, points), model._encode(mixed, p, points[:, order])
    assert torch.allclose(again, h[:, order], atol=1e-12)


def test_a_shift_of_the_field_shifts_the_tokens(rng):
    model, (u, p) = net(), given((2.0, 1.0), (6, 5), rng)
    points = model._grid(u)
    with torch.no_grad():
        h = model._encode(u, p, points).unflatten(1, (6, 5))
        shifted = model._encode(u.roll((2, 3), (-2, -1)), p, points).unflatten(1, (6, 5))
    assert torch.allclose(shifted, h.roll((2, 3), (1, 2)), atol=1e-12)


@pytest.mark.parametrize(
    ("box", "grid"), [((2.0,), (10,)), ((2.0, 1.0), (6, 5)), ((2.0, 1.0, 3.0), (4, 3, 5))]
)
def test_a_query_on_the_grid_is_forward(box, grid, rng):
    model, (u, p) = net(box), given(box, grid, rng)
    points = model._grid(u).expand(2, -1, -1)
    with torch.no_grad():
        got = model.query(u, points, p)
        assert torch.allclose(got, model(u, p).flatten(3), atol=1e-12)
        one = model.query(u, points[:, 3:4], p)
        assert torch.allclose(one, got[..., 3:4], atol=1e-12)


def test_a_query_off_the_grid_is_forward_on_a_finer_grid():
    model, fields = net((2.0,)), []
    for n in (32, 64):
        x = torch.arange(n, dtype=torch.float64) * 2 * math.pi / n
        fields.append(torch.stack([x.sin(), (x + 1).cos() + (2 * x).sin()])[None, :, None])
    p, points = torch.ones(1, 1, dtype=torch.float64), model._grid(fields[1])
    with torch.no_grad():
        coarse, fine = model.query(fields[0], points, p), model(fields[1], p)
    assert float((coarse - fine).abs().max() / fine.abs().max()) < 1e-6


@pytest.mark.parametrize(("boundary", "same"), [("periodic", True), ("dirichlet", False)])
def test_the_two_sides_of_a_box_are_one_only_if_it_is_periodic(boundary, same, rng):
    torch.manual_seed(0)
    interface = Interface(("u",), ("u",), box=(2.0,), boundary=boundary)
    model = OFormer(interface, Affine(), width=8, head_width=4)
    u, ends = torch.randn(1, 1, 1, 12, generator=rng), torch.tensor([[[0.0], [2.0]]])
    with torch.no_grad():
        left, right = model.query(u, ends).unbind(-1)
    assert torch.allclose(left, right, atol=1e-5) == same


def test_autocast_rounds_products_but_not_the_points(rng):
    model, u = net((2.0,)).float(), torch.randn(2, 2, 1, 16, generator=rng)
    p = torch.ones(2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(u, p)
        gradients = torch.autograd.grad(rough.float().square().sum(), list(model.parameters()))
    assert all(bool(g.isfinite().all()) for g in gradients)
    with torch.no_grad():
        exact = model(u, p)
    assert float((rough.detach() - exact).abs().max() / exact.abs().max()) < 0.03


def test_the_cost_is_linear_in_the_number_of_points(rng):
    model, counts = net((1.0,)), []
    for n in (64, 128, 256):
        u, p = given((1.0,), (n,), rng)
        with FlopCounterMode(display=False) as counter:
            model(u, p)
        counts.append(counter.get_total_flops())
    # what does not grow with n is the small matrices
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
    assert counts[1] / counts[0] < 2


def test_the_paper_s_widths_have_as_many_parameters_as_stated():
    interface = Interface(("u",), ("u",), history=11)
    with torch.device("meta"):
        model = OFormer(interface, Affine(), head_width=32)
    assert sum(p.numel() for p in model.parameters()) == 43_441


@pytest.mark.parametrize("shape", [(2, 7), (2, 7, 1), (3, 7, 2)])
def test_points_of_another_shape_are_refused(shape, rng):
    model, (u, p) = net(), given((2.0, 1.0), (6, 5), rng)
    with pytest.raises(ValueError, match=r"it must be \(2, m, 2\)"):
        model.query(u, torch.zeros(shape), p)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": 0}, "layers=0"),
        ({"width": 1}, "width=1"),
        ({"head_width": 3}, "an even number of channels"),
        ({"heads": 0}, "at least one head"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        net(**changes)
