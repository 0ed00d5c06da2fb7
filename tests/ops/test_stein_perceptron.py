"""The paper's claims about the estimators, on random perceptrons in a thousand dimensions."""

import itertools

import pytest
import torch

from zoo.ops import stein

SIZE = 1000


def perceptron(seed=0, width=256, layers=3, dtype=torch.float32, size=SIZE):
    """Tanh layers as PyTorch's linear layers start."""
    torch.manual_seed(seed)
    sizes = [size, *[width] * layers, 1]
    parts = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
    net = torch.nn.Sequential(*(m for p in parts for m in (p, torch.nn.Tanh())))[:-1]
    return net.to(dtype).requires_grad_(False)


def laplacian(net, x):
    """Of the net itself, by a forward pass of second derivatives."""
    h = net[0](x)
    slope, bend = net[0].weight.T.expand(len(x), -1, -1), torch.zeros_like(h)
    for i in range(1, len(net), 2):
        y = torch.tanh(h)
        first, second = 1 - y**2, -2 * y * (1 - y**2)
        bend = second * slope.square().sum(1) + first * bend
        slope = slope * first[:, None]
        h, bend = net[i + 1](y), bend @ net[i + 1].weight.T
        slope = slope @ net[i + 1].weight.T
    return slope[..., 0], bend[:, 0]


def estimates(net, x, sigma, kind, count, seed=1):
    """Gradients and Laplacians from `count` evaluations at each point."""
    rng = torch.Generator().manual_seed(seed)
    draws, gradients, laplacians = count // (2 if kind == "antithetic" else 1), [], []
    for point in x:
        z = torch.randn(draws, x.shape[1], generator=rng, dtype=x.dtype)
        signs = (1, -1) if kind == "antithetic" else (1,)
        values = torch.stack([net(point + sign * sigma * z) for sign in signs])[None]
        base = None if kind == "vanilla" else net(point[None])
        gradients.append(stein.gradient(stein.odd(values, base), z, sigma)[:, 0])
        laplacians.append(stein.laplacian(stein.even(values, base), z, sigma)[:, 0])
    return torch.cat(gradients), torch.cat(laplacians)


def smoothed(net, x, sigma, count=32):
    """Gradient and Laplacian of the smoothed net: means over noise of the net's own."""
    rng = torch.Generator().manual_seed(9)
    found = []
    for point in x:
        z = torch.randn(count, x.shape[1], generator=rng, dtype=x.dtype)
        found.append([one.mean(0) for one in laplacian(net, point + sigma * z)])
    return tuple(torch.stack(one) for one in zip(*found, strict=True))


def test_the_reference_is_what_automatic_differentiation_says():
    net = perceptron(size=5, width=7, dtype=torch.float64)
    x = torch.rand(1, 5, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda p: net(p)[0, 0], x)[0, :, 0]
    assert float(laplacian(net, x)[1]) == pytest.approx(float(hessian.trace()))


@pytest.mark.slow
def test_pairs_and_control_variate_are_ten_times_closer_than_neither():
    """C-1: the Laplacian at D = 1000, σ = 0.1, K = 4096; the gradient is no worse."""
    net = perceptron()
    x = torch.rand(16, SIZE, generator=torch.Generator().manual_seed(2))
    gradient, bend = smoothed(net, x, 0.1)
    error = {}
    for kind in ("vanilla", "antithetic"):
        g, b = estimates(net, x, 0.1, kind, 4096)
        error[kind] = [float((g - gradient).abs().mean()), float((b - bend).abs().mean())]
    ratios = [a / b for a, b in zip(error["vanilla"], error["antithetic"], strict=True)]
    assert ratios[0] >= 1 and ratios[1] >= 10


@pytest.mark.slow
def test_the_improved_laplacian_does_not_grow_noisier_as_sigma_falls():
    """C-2: equal within a quarter at σ = 0.1 and 0.01, where the plain one grows tenfold."""
    net = perceptron()
    x = torch.rand(1, SIZE, generator=torch.Generator().manual_seed(2)).expand(60, -1)
    spread = {
        (kind, sigma): float(estimates(net, x, sigma, kind, 256)[1].std())
        for kind in ("vanilla", "antithetic")
        for sigma in (0.1, 0.01)
    }
    assert spread["antithetic", 0.01] == pytest.approx(spread["antithetic", 0.1], rel=0.25)
    assert spread["vanilla", 0.01] > 10 * spread["vanilla", 0.1]


@pytest.mark.parametrize(("sigma", "low", "high"), [(0.01, 0.0, 0.01), (0.001, 0.02, 1.0)])
def test_single_precision_suffices_at_a_hundredth_and_not_at_a_thousandth(sigma, low, high):
    net, size = perceptron(size=100, width=64), 100
    x = torch.rand(8, size, generator=torch.Generator().manual_seed(2))
    error, scale = [], []
    for point in x[:, None]:
        z = torch.randn(256, size, generator=torch.Generator().manual_seed(3))
        found = []
        for dtype in (torch.float32, torch.float64):
            own, at, noise = net.to(dtype), point.to(dtype), z.to(dtype)
            values = torch.stack([own(at + sign * sigma * noise) for sign in (1, -1)])[None]
            found.append(stein.laplacian(stein.even(values, own(at)), noise, sigma).double())
        error.append(float((found[0] - found[1]).abs()))
        scale.append(float(found[1].abs()))
    assert low <= sum(error) / sum(scale) <= high
