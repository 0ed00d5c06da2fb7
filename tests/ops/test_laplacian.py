"""Second derivatives along many directions at once equal those by automatic differentiation."""

import pytest
import torch

from zoo.ops import laplacian as module
from zoo.ops.activations import ACTIVATIONS
from zoo.ops.laplacian import laplacian
from zoo.ops.reverse import reverse
from zoo.ops.trunk import trunk

POINTS, SIZE, WIDTH = 6, 5, 7


def draw(rng, layers=3, outputs=1):
    sizes = [SIZE, *[WIDTH] * layers, outputs]
    shapes = zip(sizes[1:], sizes, strict=False)
    weights = [torch.randn(n, m, generator=rng).double() / m**0.5 for n, m in shapes]
    biases = [torch.randn(n, generator=rng).double() for n in sizes[1:]]
    x = torch.randn(POINTS, SIZE, generator=rng).double()
    return x, [one.requires_grad_() for one in weights], biases


def hessian(x, weights, biases, activation):
    def one(point):
        h = point
        for weight, bias in zip(weights[:-1], biases, strict=False):
            h = activation(weight @ h + bias)
        return weights[-1] @ h + biases[-1]

    return torch.stack(
        [torch.autograd.functional.jacobian(lambda p: jacobian(one, p), row) for row in x]
    )


def jacobian(function, point):
    return torch.autograd.functional.jacobian(function, point, create_graph=True)


def along(x, weights, biases, directions, shares=None, chunk=None, activation="tanh"):
    """Directions (m, 1 or b, d)."""
    run = trunk(x, weights, biases, ACTIVATIONS[activation]())
    return laplacian(run, reverse(run)[1], directions @ weights[0].mT, shares, chunk)


@pytest.mark.parametrize("activation", ["tanh", "sine"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 3])
def test_along_all_axes_it_is_the_trace_of_the_hessian(rng, layers, outputs, activation):
    given = draw(rng, layers, outputs)
    found = along(*given, torch.eye(SIZE).double()[:, None], activation=activation)
    want = hessian(*given, ACTIVATIONS[activation]()).diagonal(dim1=-2, dim2=-1).sum(-1)
    assert torch.allclose(found, want, rtol=1e-11, atol=1e-13)


def test_directions_may_be_each_point_s_own(rng):
    given, v = draw(rng, outputs=2), torch.randn(4, POINTS, SIZE, generator=rng).double()
    want = torch.einsum("kbi,bcij,kbj->bc", v, hessian(*given, torch.tanh), v)
    assert torch.allclose(along(*given, v), want, rtol=1e-11)


def test_shares_weigh_directions_and_may_be_negative(rng):
    given, v = draw(rng), torch.randn(4, 1, SIZE, generator=rng).double()
    shares = torch.randn(4, POINTS, generator=rng).double()
    want = torch.einsum("kb,ki,bcij,kj->bc", shares, v[:, 0], hessian(*given, torch.tanh), v[:, 0])
    assert torch.allclose(along(*given, v, shares), want, rtol=1e-11)


def gradients(values, tensors, again=False):
    weight = torch.arange(1.0, values.numel() + 1, dtype=torch.float64).view(values.shape)
    loss = (values * weight + values.square()).sum()
    first = torch.autograd.grad(loss, tensors, create_graph=again)
    if not again:
        return first
    return torch.autograd.grad(sum((one + one.square()).sum() for one in first), tensors)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("points", [1, POINTS])
@pytest.mark.parametrize("layers", [1, 3])
def test_gradients_reach_weights_points_directions_and_shares(rng, layers, points, outputs, again):
    x, weights, biases = draw(rng, layers, outputs)
    v = torch.randn(4, points, SIZE, generator=rng).double().requires_grad_()
    shares = torch.randn(4, POINTS, generator=rng).double().requires_grad_()
    tensors = [x.requires_grad_(), *weights, v, shares]
    full = hessian_with_graph(x, weights, biases)
    wide = v.expand(4, POINTS, SIZE)
    want = torch.einsum("kb,kbi,bcij,kbj->bc", shares, wide, full, wide)
    found = along(x, weights, biases, v, shares)
    pairs = zip(gradients(found, tensors, again), gradients(want, tensors, again), strict=True)
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-10) for a, b in pairs)


def hessian_with_graph(x, weights, biases):
    h = x
    for weight, bias in zip(weights[:-1], biases, strict=False):
        h = torch.tanh(h @ weight.mT + bias)
    rows = []
    for values in (h @ weights[-1].mT + biases[-1]).unbind(1):
        (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True)
        each = [torch.autograd.grad(s.sum(), x, create_graph=True)[0] for s in slope.unbind(1)]
        rows.append(torch.stack(each, 1))
    return torch.stack(rows, 1)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_some_directions_at_a_time_give_the_same_as_all(rng, chunk):
    given = draw(rng)
    v = torch.randn(5, POINTS, SIZE, generator=rng).double()
    whole, parts = along(*given, v, chunk=5), along(*given, v, chunk=chunk)
    assert torch.allclose(parts, whole, rtol=1e-13)
    pairs = zip(gradients(parts, given[1]), gradients(whole, given[1]), strict=True)
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in pairs)


def saved(chunk, given, v):
    """Numbers that the graph holds."""
    found = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: found.append(t.numel()) or t, lambda t: t
    ):
        along(*given, v, chunk=chunk)
    return sum(found)


def test_the_graph_of_parts_holds_no_tangents_of_inner_layers(rng):
    given, v = draw(rng), torch.randn(5, POINTS, SIZE, generator=rng).double()
    assert saved(None, given, v) - saved(2, given, v) == 2 * 5 * POINTS * WIDTH


def test_so_does_one_too_large_to_keep(rng, monkeypatch):
    given, v = draw(rng), torch.randn(5, POINTS, SIZE, generator=rng).double()
    monkeypatch.setattr(module, "HELD", 2 * 5 * POINTS * WIDTH * 8 - 1)
    assert saved(None, given, v) == saved(2, given, v)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("chunk", [None, 1, 3])
def test_what_a_triangle_of_tangents_does_not_reach_may_be_left_out(rng, chunk, layers):
    x, weights, biases = draw(rng, layers)
    tangents = torch.randn(WIDTH, WIDTH, generator=rng).double().triu()[:, None].requires_grad_()
    found = []
    for lower in (False, True):
        run = trunk(x, weights, biases, ACTIVATIONS["tanh"]())
        values = laplacian(run, reverse(run)[1], tangents, None, chunk, lower)
        found.append([values, *gradients(values, [tangents, *weights[1:]])])
    pairs = zip(*found, strict=True)
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-13) for a, b in pairs)
