import math

import pytest
import torch
from torch.testing import assert_close

from zoo.pde.box import Box
from zoo.pde.kdv import KdV
from zoo.pde.points import kdv
from zoo.pde.points.kdv import CosineKdV
from zoo.pde.points.periodic_frames import PeriodicFrames
from zoo.pde.points.stored import stored


def grid(times, count=256):
    """Rows (t, x) over whole periods, the end left out."""
    x = torch.arange(count, dtype=torch.float64) * (2 / count) - 1
    return torch.stack(torch.meshgrid(times, x, indexing="ij"), -1).view(-1, 2)


def moving(t, x):
    """A field of three waves with mean, of period 2."""
    return 0.3 + (math.pi * (x - t)).sin() + 0.2 * (3 * math.pi * x + 2 * t).cos()


@pytest.fixture(scope="module")
def frames():
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    points = grid(t, 16)
    values = moving(*points.unbind(1)).view(101, 16)
    return PeriodicFrames(values, spacing=0.01, length=2.0, start=-1.0, waves=8)


def test_frames_of_waves_give_the_waves_between_them(frames, rng):
    t, x = torch.rand(2, 300, dtype=torch.float64, generator=rng)
    assert_close(frames.derivative(t, 5 * x), moving(t, 5 * x), rtol=0, atol=1e-13)


def test_frames_of_waves_give_the_derivatives_of_the_waves(frames, rng):
    t, x = torch.rand(2, 50, dtype=torch.float64, generator=rng).requires_grad_()
    (u_t, u_x) = torch.autograd.grad(moving(t, x).sum(), (t, x), create_graph=True)
    (u_tx, u_xx) = torch.autograd.grad(u_x.sum(), (t, x))
    for orders, close in (((1, 0), u_t), ((0, 1), u_x), ((1, 1), u_tx), ((0, 2), u_xx)):
        found = frames.derivative(t.detach(), x.detach(), *orders)
        assert_close(found, close.detach(), rtol=0, atol=1e-9)


def test_frames_are_met_at_their_own_times_in_any_order(frames):
    t = torch.tensor([1.0, 0.0, 0.37, 1.0], dtype=torch.float64)
    x = torch.tensor([0.2, 0.9, -0.4, -1.0], dtype=torch.float64)
    assert_close(frames.derivative(t, x), moving(t, x), rtol=0, atol=1e-14)


def test_times_without_frames_and_too_many_waves_are_refused(frames):
    with pytest.raises(ValueError, match=r"1\.5.*known from 0 to 1"):
        frames.derivative(torch.tensor([1.5]).double(), torch.tensor([0.0]).double())
    with pytest.raises(ValueError, match="at most 8 waves"):
        PeriodicFrames(torch.zeros(20, 16), spacing=0.1, length=2.0, start=0.0, waves=9)


def test_mass_momentum_and_energy_are_kept():
    times = torch.linspace(0, 1, 41, dtype=torch.float64)
    u = CosineKdV().solution(grid(times)).view(41, 1, 256)
    p = torch.tensor([[1.0, kdv.DISPERSION]], dtype=torch.float64)
    kept = KdV().conserved(Box((2.0,), (256,)), u, p)
    assert kept["mass"].abs().max() < 1e-13
    assert_close(kept["momentum"], torch.full_like(kept["momentum"], 0.5), rtol=0, atol=1e-10)
    # ∫ u³/6 - ν u_x²/2 of cos πx
    energy = torch.full_like(kept["energy"], -kdv.DISPERSION * math.pi**2 / 2)
    assert_close(kept["energy"], energy, rtol=0, atol=1e-10)


def test_the_wave_breaks_up_into_crests_twice_its_height():
    t = torch.tensor([1.0], dtype=torch.float64)
    u = CosineKdV().solution(grid(t, 512))[:, 0]
    crests = (u > u.roll(1)) & (u > u.roll(-1)) & (u > 0.5)
    assert int(crests.sum()) >= 2 and float(u.max()) > 2


def test_the_reference_does_not_depend_on_the_grid_or_on_how_many_steps_it_begins_with():
    coarse = kdv.reference(0.04, 11)
    fine = kdv.reference(0.04, 11, grid=384, steps=12)
    assert_close(coarse[:, ::2], fine[:, ::3], rtol=0, atol=1e-10)


def test_an_early_end_is_the_beginning_of_a_late_one():
    x = grid(torch.tensor([0.03, 0.05], dtype=torch.float64), 64)
    late = CosineKdV().solution(x)
    assert_close(CosineKdV(end=0.05).solution(x), late, rtol=0, atol=1e-10)


@pytest.mark.slow
def test_the_reference_is_refined_to_1e_9_up_to_the_end(monkeypatch):
    x = grid(torch.linspace(0, 1, 1001, dtype=torch.float64), 128)
    found = CosineKdV().solution(x)
    monkeypatch.setattr(kdv, "GRID", 384)
    monkeypatch.setattr(kdv, "SPACING", kdv.SPACING / 2)
    kdv._frames.cache_clear()
    error = (CosineKdV().solution(x) - found).abs().max()
    kdv._frames.cache_clear()
    assert error < 1e-10


def test_steps_that_stay_too_long_are_refused(monkeypatch):
    monkeypatch.setattr(kdv, "TOLERANCE", 1e-20)
    with pytest.raises(ArithmeticError, match="earlier end"):
        kdv.reference(0.004, 2, steps=1)


def test_an_end_before_the_beginning_is_refused():
    with pytest.raises(ValueError, match=r"end=-1"):
        CosineKdV(end=-1.0)


def test_a_stored_reference_is_computed_once_and_again_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    made = []

    def make():
        made.append(1)
        return torch.arange(3.0)

    assert_close(stored("line", {"a": 1.0}, make), stored("line", {"a": 1.0}, make))
    assert len(made) == 1
    (path,) = (tmp_path / "references").iterdir()
    path.write_bytes(b"no tensor")
    assert stored("line", {"a": 1.0}, make).tolist() == [0.0, 1.0, 2.0]
    stored("line", {"a": 2.0}, make)
    assert len(made) == 3
