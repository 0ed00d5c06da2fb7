"""Fields on other grids: exact for the waves that both carry."""

import math

import pytest
import torch

from zoo.ops.resampling import resampled
from zoo.pde.box import Box

SIDES = (2.0, 3.0)


def field(shape):
    x, y = Box(SIDES, shape).points() * 2 * math.pi
    x, y = x / SIDES[0], y / SIDES[1]
    return 0.3 + (2 * x + 0.4).sin() * (3 * y - 0.1).cos() + (x - 2 * y).cos()


@pytest.mark.parametrize("start", [(16, 16), (9, 12), (13, 11)])
@pytest.mark.parametrize("shape", [(32, 8), (17, 24), (9, 9)])
def test_a_band_limited_field_goes_to_any_grid_that_carries_it(start, shape):
    torch.testing.assert_close(resampled(field(start), shape), field(shape), atol=1e-12, rtol=0)


def test_a_coarser_grid_drops_its_nyquist_wave_as_a_box_does(rng):
    u = torch.randn(3, 16, 12, generator=rng, dtype=torch.float64)
    want = Box(SIDES, (16, 12)).restrict(u, (8, 7))
    torch.testing.assert_close(resampled(u, (8, 7)), want)


def test_a_finer_grid_goes_through_every_value_given(rng):
    u = torch.randn(3, 8, 6, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(resampled(u, (24, 12))[:, ::3, ::2], u)


def test_the_mean_stays(rng):
    u = torch.randn(3, 8, 6, generator=rng)
    for shape in ((5, 5), (11, 16)):
        torch.testing.assert_close(resampled(u, shape).mean((1, 2)), u.mean((1, 2)))
