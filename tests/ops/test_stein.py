"""Stein's estimators against closed forms: no bias, and the variance that was derived."""

import math

import pytest
import torch
from torch.testing import assert_close

from zoo.ops import stein

POINTS = 20000
"""Independent estimates at one point: a mean lies within 4 standard errors of its target."""


class Quadratic:
    """x·Ax/2 + g·x + 1 and twice that; smoothing adds σ² tr(A)/2."""

    def __init__(self, size):
        rng = torch.Generator().manual_seed(3)
        a = torch.randn(size, size, dtype=torch.float64, generator=rng) / size
        self.a, self.g = a + a.T, torch.randn(size, dtype=torch.float64, generator=rng)

    def __call__(self, x):
        one = ((x @ self.a) * x).sum(-1) / 2 + x @ self.g + 1
        return torch.stack([one, 2 * one], -1)

    def exact(self, x, sigma):
        """Value, gradient and Hessian of the smoothed first output."""
        value = self(x)[0] + sigma**2 * self.a.trace() / 2
        return value, self.a @ x + self.g, self.a


class Wave:
    """sin(k·x) and its double; smoothing multiplies it by exp(-σ²k²/2)."""

    def __init__(self, size):
        self.k = torch.linspace(-2.0, 3.0, size, dtype=torch.float64) / math.sqrt(size)

    def __call__(self, x):
        one = (x @ self.k).sin()
        return torch.stack([one, 2 * one], -1)

    def exact(self, x, sigma):
        damped = torch.exp(-(sigma**2) * self.k.square().sum() / 2)
        phase = x @ self.k
        bend = -phase.sin() * self.k[:, None] * self.k
        return damped * phase.sin(), damped * phase.cos() * self.k, damped * bend


def sampled(field, size, *, sigma, kind, draws=4, points=POINTS, shared=False):
    """Values at x ± σz, f(x), and z; the same x for all points."""
    rng = torch.Generator().manual_seed(1)
    x = torch.linspace(-1.0, 1.0, size, dtype=torch.float64)
    shape = (draws, size) if shared else (points, draws, size)
    z = torch.randn(shape, dtype=torch.float64, generator=rng)
    signs = (1, -1) if kind == "antithetic" else (1,)
    own = z[None] if shared else z
    values = torch.stack([field(x + sign * sigma * own) for sign in signs], 1)
    base = None if kind == "vanilla" else field(x).expand(len(values), -1)
    return x, values, base, z


def agrees(estimates, exact):
    """Whether the mean over the first axis lies within 4 standard errors of what is exact."""
    error = (estimates.mean(0) - exact).abs()
    return bool((error <= 4 * estimates.std(0) / math.sqrt(len(estimates)) + 1e-12).all())


QUANTITIES = {
    "value": (lambda v, o, e, z, s, w: stein.value(v)[:, 0], lambda u, g, h, w: u),
    "gradient": (lambda v, o, e, z, s, w: stein.gradient(o, z, s)[:, 0], lambda u, g, h, w: g),
    "second": (
        lambda v, o, e, z, s, w: stein.second(e, z, s)[:, 0],
        lambda u, g, h, w: h.diagonal(),
    ),
    "laplacian": (
        lambda v, o, e, z, s, w: stein.laplacian(e, z, s)[:, 0],
        lambda u, g, h, w: h.trace(),
    ),
    "laplacian of two columns": (
        lambda v, o, e, z, s, w: stein.laplacian(e, z[..., :2], s)[:, 0],
        lambda u, g, h, w: h[0, 0] + h[1, 1],
    ),
    "trace": (
        lambda v, o, e, z, s, w: stein.trace(e, z, s, w)[:, 0],
        lambda u, g, h, w: h.diagonal() @ w,
    ),
    "mixed": (
        lambda v, o, e, z, s, w: stein.mixed(e, z, s, 0, 1)[:, 0],
        lambda u, g, h, w: h[0, 1],
    ),
    "hessian": (lambda v, o, e, z, s, w: stein.hessian(e, z, s)[:, 0], lambda u, g, h, w: h),
    "times hessian": (
        lambda v, o, e, z, s, w: stein.times_hessian(e, z, s, w)[:, 0],
        lambda u, g, h, w: h @ w,
    ),
    "square of the gradient": (
        lambda v, o, e, z, s, w: stein.cross_square(
            stein.gradient(o, z, s), stein.own_square(o, z, s), z.shape[-2]
        )[:, 0],
        lambda u, g, h, w: g.square().sum(),
    ),
}


@pytest.mark.parametrize("kind", ["vanilla", "control", "antithetic"])
@pytest.mark.parametrize("field", [Quadratic, Wave])
@pytest.mark.parametrize("name", QUANTITIES)
def test_every_estimate_is_unbiased(name, field, kind):
    size, sigma = 3, 0.4
    f = field(size)
    x, values, base, z = sampled(f, size, sigma=sigma, kind=kind)
    w = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    estimate, exact = QUANTITIES[name]
    odd, even = stein.odd(values, base), stein.even(values, base)
    found = estimate(values, odd, even, z, sigma, w.expand(len(values), -1))
    assert agrees(found, exact(*f.exact(x, sigma), w))


@pytest.mark.parametrize("size", [2, 30, 300, 1000])
def test_so_is_the_laplacian_in_any_dimension(size):
    f, sigma, points = Wave(size), 0.2, 40000 // size
    x, values, base, z = sampled(f, size, sigma=sigma, kind="antithetic", points=points)
    found = stein.laplacian(stein.even(values, base), z, sigma)[:, 0]
    assert agrees(found, f.exact(x, sigma)[2].trace())


@pytest.mark.parametrize("name", QUANTITIES)
def test_shared_draws_are_own_draws_that_are_equal(name):
    f, sigma = Wave(3), 0.3
    _, values, base, z = sampled(f, 3, sigma=sigma, kind="antithetic", draws=6, shared=True)
    values, base = values.repeat(4, 1, 1, 1), base.repeat(4, 1)
    odd, even = stein.odd(values, base), stein.even(values, base)
    w = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    one, other = (
        QUANTITIES[name][0](values, odd, even, given, sigma, w)
        for given in (z, z.expand(4, -1, -1))
    )
    assert_close(one, other)


def test_the_second_output_is_estimated_from_its_own_values():
    f = Wave(3)
    _, values, base, z = sampled(f, 3, sigma=0.3, kind="antithetic", points=5)
    found = stein.second(stein.even(values, base), z, 0.3)
    assert_close(found[:, 1], 2 * found[:, 0])


@pytest.mark.parametrize("size", [2, 10, 100, 1000])
def test_the_laplacian_of_a_quadratic_varies_as_derived(size):
    """D/2 + 6 + 12/D a pair, for |x|²/2D, at any point and any σ."""
    rng, count = torch.Generator().manual_seed(1), min(40000, 4_000_000 // size)
    z = torch.randn(count, 1, size, generator=rng, dtype=torch.float64)
    even = 0.01**2 * z.square().sum(-1, keepdim=True) / (2 * size)
    found = stein.laplacian(even, z, 0.01)
    assert float(found.var()) == pytest.approx(size / 2 + 6 + 12 / size, rel=0.12)


def test_values_of_pairs_have_errors_of_second_order():
    f = Wave(20)
    spread = {}
    for kind, draws in (("control", 8), ("antithetic", 4)):
        for sigma in (0.05, 0.025):
            _, values, _, _ = sampled(f, 20, sigma=sigma, kind=kind, draws=draws, points=2000)
            spread[kind, sigma] = float(stein.value(values)[:, 0].std())
    assert spread["control", 0.05] / spread["control", 0.025] == pytest.approx(2, rel=0.1)
    assert spread["antithetic", 0.05] / spread["antithetic", 0.025] == pytest.approx(4, rel=0.1)
    assert spread["antithetic", 0.05] < spread["control", 0.05] / 5


@pytest.mark.parametrize(("size", "draws"), [(10, 4), (50, 25), (250, 256)])
def test_the_square_of_one_estimate_is_too_large_as_derived(size, draws):
    """By (D + 1) / M for a linear field; over all pairs of draws it is right."""
    slope = torch.linspace(-1, 2, size, dtype=torch.float64)
    points = min(4000, 20_000_000 // (size * draws * 4))
    _, values, base, z = sampled(
        lambda x: (x @ slope)[..., None], size, sigma=0.1, kind="antithetic", draws=draws,
        points=points,
    )  # fmt: skip
    odd = stein.odd(values, base)
    mean, own = stein.gradient(odd, z, 0.1), stein.own_square(odd, z, 0.1)
    right = slope.square().sum()
    biased = mean.square().sum(-1)[:, 0]
    assert agrees(biased / right, torch.tensor(1 + (size + 1) / draws, dtype=torch.float64))
    assert agrees(stein.cross_square(mean, own, draws)[:, 0], right)


def test_the_square_over_all_pairs_is_less_noisy_than_one_product_of_halves():
    size, draws = 50, 10
    slope = torch.linspace(-1, 2, size, dtype=torch.float64)
    _, values, base, z = sampled(
        lambda x: (x @ slope)[..., None], size, sigma=0.1, kind="antithetic", draws=draws,
        points=4000,
    )  # fmt: skip
    odd = stein.odd(values, base)
    one, other = (
        stein.gradient(odd[:, part], z[:, part], 0.1) for part in (slice(0, 5), slice(5, 10))
    )
    product = (one * other).sum(-1)[:, 0]
    pairs = stein.cross_square(stein.gradient(odd, z, 0.1), stein.own_square(odd, z, 0.1), draws)
    assert agrees(product, slope.square().sum())
    assert float(pairs.var()) < 0.7 * float(product.var())
