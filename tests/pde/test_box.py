import math

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.box import Box
from zoo.pde.sources import GaussianBumps


@pytest.mark.parametrize("shape", [(16, 20), (15, 21), (32, 9)])
def test_derivatives_of_plane_waves_are_exact(shape):
    box = Box((2.0, 0.5), shape)
    x, y = box.points()
    u = torch.sin(math.pi * 2 * x) * torch.cos(4 * math.pi * 2 * y)
    dx = 2 * math.pi * torch.cos(math.pi * 2 * x) * torch.cos(8 * math.pi * y)
    dyy = -((8 * math.pi) ** 2) * u
    assert_close(box.derivative(u, 0), dx, rtol=0, atol=1e-12)
    assert_close(box.derivative(u, 1, 2), dyy, rtol=0, atol=1e-10)


def test_the_odd_derivative_of_the_nyquist_wave_is_zero():
    box = Box((1.0,), (8,))
    u = torch.cos(math.pi * torch.arange(8).double())
    assert box.derivative(u, 0).abs().max() == 0
    assert_close(box.derivative(u, 0, 2), -((8 * math.pi) ** 2) * u)


@pytest.mark.parametrize("new", [(16, 16), (15, 16), (9, 12)])
def test_restriction_keeps_every_wave_that_the_coarse_grid_holds(new):
    fine, coarse = Box((1.0, 1.0), (64, 48)), Box((1.0, 1.0), new)
    wave = lambda x: torch.sin(2 * math.pi * (3 * x[0] - 4 * x[1])) + 0.5  # noqa: E731
    high = torch.cos(2 * math.pi * 20 * fine.points()[0])
    restricted = fine.restrict(wave(fine.points()) + high, new)
    assert_close(restricted, wave(coarse.points()), rtol=0, atol=1e-13)


def test_restriction_to_a_finer_grid_is_refused():
    with pytest.raises(ValueError, match="coarser"):
        Box((1.0,), (8,)).restrict(torch.zeros(8), (16,))


def test_sources_have_unit_maximum_and_zero_mean_only_when_asked(rng):
    box = Box((1.0, 1.0), (64, 64))
    f = GaussianBumps().draw(40, box, rng, zero_mean=False)
    assert_close(f.flatten(1).amax(1), torch.ones(40, dtype=torch.float64))
    f = GaussianBumps().draw(40, box, rng)
    assert f.flatten(1).mean(1).abs().max() < 1e-15


def test_sparsity_goes_round_so_that_no_set_lies_in_blocks(rng):
    box = Box((1.0, 1.0), (64, 64))
    f = GaussianBumps().draw(400, box, rng, zero_mean=False)
    mass = f.flatten(1).mean(1).view(100, 4).mean(0)
    assert bool((mass.diff() < 0).all())


def test_the_grid_is_refined_until_it_holds_the_spectrum():
    bumps = GaussianBumps()
    assert [bumps.refinement(Box((1.0, 1.0), (n, n))) for n in (128, 64, 32, 16)] == [1, 1, 2, 4]
    assert GaussianBumps(8, 1 / 16, 1 / 12).refinement(Box((1.0, 1.0), (32, 32))) == 1
