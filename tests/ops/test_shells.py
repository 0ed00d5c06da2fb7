"""Energy by shell of wave numbers."""

import math

import pytest
import torch

from zoo.ops.shells import count, energy, spacing


def wave(shape, lengths, numbers, amplitude=1.0):
    axes = [
        2 * math.pi * m * torch.arange(n, dtype=torch.float64) / n
        for m, n in zip(numbers, shape, strict=True)
    ]
    phase = sum(torch.meshgrid(*axes, indexing="ij"), torch.zeros(()))
    return amplitude * torch.cos(phase)[None, None]


CASES = {
    "1-D": ((32,), (2.0,), (5,), 5),
    "2-D, 3-4-5": ((32, 32), (2.0, 2.0), (3, 4), 5),
    "3-D, odd grid": ((9, 8, 7), (1.0, 1.0, 1.0), (1, 2, 2), 3),
    "a side of half the length": ((32, 16), (2.0, 1.0), (3, 2), 5),
    "the Nyquist wave": ((8, 8), (1.0, 1.0), (0, 4), 4),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wave_lies_in_the_shell_of_its_wave_number_with_its_mean_square(case):
    shape, lengths, numbers, shell = CASES[case]
    u = wave(shape, lengths, numbers, 3.0)
    found = energy(u, lengths, spacing(lengths), count(shape, lengths, spacing(lengths)))[0, 0]
    assert float(found[shell]) == pytest.approx(float(u.square().mean()), rel=1e-12)
    assert float(found.sum() - found[shell]) < 1e-25


def test_the_shells_add_up_to_the_mean_square(rng):
    u = torch.randn(3, 2, 12, 10, generator=rng)
    found = energy(u, (1.0, 3.0), spacing((1.0, 3.0)), 4)
    torch.testing.assert_close(found.sum(2), u.double().square().mean((2, 3)))


def test_a_finer_grid_shows_the_same_spectrum():
    coarse, fine = (wave((n, n), (1.0, 1.0), (2, 1), 0.5) for n in (8, 24))
    one, two = (energy(u, (1.0, 1.0), spacing((1.0, 1.0)), 5) for u in (coarse, fine))
    torch.testing.assert_close(one, two, atol=1e-15, rtol=1e-12)


def test_the_first_shell_is_the_square_of_the_mean():
    u = torch.full((1, 1, 6, 6), -2.0)
    assert energy(u, (1.0, 1.0), 2 * math.pi, 3)[0, 0].tolist() == pytest.approx([4.0, 0.0, 0.0])
