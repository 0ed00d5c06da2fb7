"""Group laws and closed forms; that equations commute with them is in tests/data/test_augment."""

import math

import pytest
import torch

from zoo.pde import symmetry
from zoo.pde.symmetry import Amplitude, Galilean, Scaling, Shift, translate

SIDES = (2.0, 3.0)


def sampled(field, shape, count=2, frames=3, dt=0.1, sides=SIDES):
    """A closed form u(x, t) on a grid: the arguments of `act` before epsilon."""
    sides = sides[: len(shape)]
    axes = [torch.arange(n, dtype=torch.float64) * (s / n) for n, s in zip(shape, sides)]  # noqa: B905
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    times = 0.3 + dt * torch.arange(frames, dtype=torch.float64)
    u = torch.stack([field(x, t) for t in times])[None, :, None].repeat(
        count, 1, 1, *(1,) * len(shape)
    )
    dx = torch.tensor([s / n for n, s in zip(shape, sides)], dtype=torch.float64)  # noqa: B905
    p = torch.rand(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return u, times.repeat(count, 1), p, dx.repeat(count, 1), torch.full((count,), dt).double()


def wave(x, t):
    phase = sum(2 * math.pi * (i + 1) * x[i] / SIDES[i] for i in range(len(x)))
    return torch.sin(phase + 0.4) + 0.5 * torch.cos(2 * phase) + t


@pytest.mark.parametrize("shape", [(16,), (15,), (16, 20), (15, 18), (200,)])
def test_a_shift_moves_the_closed_form(shape):
    state = sampled(wave, shape)
    epsilon = torch.tensor([[0.123, -0.71], [1.9, 0.05]], dtype=torch.float64)[:, : len(shape)]
    moved, *rest = Shift().act(*state, epsilon)
    for i in range(2):
        step = epsilon[i].view(-1, *(1,) * len(shape))
        want, *_ = sampled(lambda x, t, s=step: wave(x - s, t), shape)
        assert float((moved[i] - want[i]).abs().max()) < 1e-12
    assert all(a is b for a, b in zip(rest, state[2:], strict=True))


@pytest.mark.parametrize("n", [16, 15, 130, 131])
def test_whole_cells_move_white_noise_exactly(n, rng):
    u = torch.randn(2, 3, 1, n, n, generator=rng, dtype=torch.float64)
    cells = torch.tensor([[[3.0, -2.0]], [[0.0, 7.0]]], dtype=torch.float64)
    moved = translate(u, cells)
    for i in range(2):
        want = torch.roll(u[i], [int(c) for c in cells[i, 0]], (-2, -1))
        assert float((moved[i] - want).abs().max()) < 1e-12


def test_matrix_and_fft_agree_on_white_noise_with_its_nyquist_waves(rng, monkeypatch):
    u = torch.randn(2, 3, 2, 12, 10, generator=rng, dtype=torch.float64)
    cells = torch.randn(2, 3, 2, generator=rng, dtype=torch.float64)
    by_matrix = translate(u, cells)
    monkeypatch.setattr(symmetry, "SMALL", 0)
    assert float((translate(u, cells) - by_matrix).abs().max()) < 1e-13
    assert translate(u.float(), cells.float()).dtype == torch.float32


def test_a_nyquist_wave_moved_by_half_a_cell_vanishes():
    u = torch.cos(math.pi * torch.arange(8.0, dtype=torch.float64)).view(1, 1, 1, 8)
    assert float(translate(u, torch.full((1, 1, 1), 0.5).double()).abs().max()) < 1e-14
    third = translate(u, torch.full((1, 1, 1), 1 / 3, dtype=torch.float64))
    assert float((third - 0.5 * u).abs().max()) < 1e-14


def test_three_space_axes_come_back_in_order(rng):
    u = torch.randn(1, 2, 1, 4, 5, 6, generator=rng, dtype=torch.float64)
    moved = translate(u, torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64))
    assert float((moved - torch.roll(u, (1, 2, 3), (-3, -2, -1))).abs().max()) < 1e-13


def test_amplitude_multiplies_by_the_exponential():
    state = sampled(wave, (16,))
    epsilon = torch.tensor([[0.5], [-0.25]], dtype=torch.float64)
    u, *_ = Amplitude().act(*state, epsilon)
    for i, e in enumerate((0.5, -0.25)):
        assert float((u[i] - math.exp(e) * state[0][i]).abs().max()) < 1e-14


def test_galilean_moves_later_frames_further_and_adds_the_velocity():
    state = sampled(wave, (16, 20))
    epsilon = torch.tensor([[0.4], [-0.3]], dtype=torch.float64)
    u, *_ = Galilean((1, 2), factor=2.0).act(*state, epsilon)
    for i, v in enumerate((0.4, -0.3)):
        c = 2 * state[2][i, 1:].view(2, 1, 1)
        want, *_ = sampled(lambda x, t, c=c, v=v: wave(x - c * v * t, t) + v, (16, 20))
        assert float((u[i] - want[i]).abs().max()) < 1e-12


def test_galilean_names_the_axes_it_lacks():
    state = sampled(wave, (16, 20))
    with pytest.raises(ValueError, match="one column"):
        Galilean((1,)).act(*state, torch.zeros(2, 1, dtype=torch.float64))


def test_scaling_changes_the_steps_by_its_exponents():
    u, times, p, dx, dt = sampled(wave, (16,))
    epsilon = torch.tensor([[0.2], [-0.1]], dtype=torch.float64)
    new = Scaling(2, -1, -3, (0, 1, 0)).act(u, times, p, dx, dt, epsilon)
    for i, e in enumerate((0.2, -0.1)):
        assert torch.allclose(new[0][i], math.exp(2 * e) * u[i], rtol=1e-14)
        assert float(new[1][i, 1] / p[i, 1]) == pytest.approx(math.exp(e))
        assert torch.equal(new[1][i, ::2], p[i, ::2])
        assert float(new[2][i, 0] / dx[i, 0]) == pytest.approx(math.exp(-e))
        assert float(new[3][i] / dt[i]) == pytest.approx(math.exp(-3 * e))


@pytest.mark.parametrize("act", [Shift(), Amplitude(), Galilean((0, 2)), Scaling(-1, 1, 2)])
def test_the_group_law_holds_and_zero_is_the_identity(act, rng):
    u, times, p, dx, dt = sampled(wave, (16, 20))
    a, b = (torch.rand(2, act.size(2), generator=rng, dtype=torch.float64) for _ in range(2))
    identity = act.act(u, times, p, dx, dt, 0 * a)
    once = act.act(u, times, p, dx, dt, a)
    # physical times scale with dt
    later = times * (once[3] / dt)[:, None]
    twice = act.act(once[0], later, *once[1:], b)
    straight = act.act(u, times, p, dx, dt, a + b)
    for x, y in zip(twice, straight, strict=True):
        assert torch.allclose(x, y, rtol=1e-12, atol=1e-12)
    for x, y in zip(identity, (u, p, dx, dt), strict=True):
        assert torch.allclose(x, y, rtol=1e-13, atol=1e-13)
