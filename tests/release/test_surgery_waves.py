"""Modes, grids and boxes: what a model knows of waves goes along."""

import pytest
import torch
from torch.testing import assert_close

import zoo
from zoo import release
from zoo.models.base import Interface
from zoo.models.deeponet import DeepONet
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.unet import UNet
from zoo.release import ReleaseError
from zoo.surgery import adapt

EXACT = {"rtol": 0.0, "atol": 1e-12}


def moving(names=("u",), box=(2.0, 2.0), layers=2, modes=3, **options):
    torch.manual_seed(0)
    face = Interface(names, names, box=box, dt=0.1, history=2, **options.pop("face", {}))
    made = FNO(face, Affine(), width=6, modes=modes, layers=layers, **options).double().eval()
    for module in made.spectral:
        torch.nn.init.normal_(module.bias)
    return made


def smooth(n, channels=1, dimension=2, seed=0):
    """Random waves up to 2 on n points of each axis; the same function on every grid."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.arange(n, dtype=torch.float64) * (2 * torch.pi / n)
    waves = torch.cat([torch.ones(1, n), *(f(k * x)[None] for k in (1, 2) for f in (cos, sin))])
    size = torch.randn(2, 2, channels, *(5,) * dimension, generator=rng, dtype=torch.float64)
    for _ in range(dimension):
        size = torch.tensordot(size, waves.double(), ([3], [0]))
    return size


cos, sin = torch.cos, torch.sin


@torch.no_grad()
def test_modes_of_no_weight_leave_the_function_unchanged_to_rounding():
    model, u = moving(), smooth(14)
    assert_close(adapt(model, modes=7)(u), model(u), **EXACT)
    assert_close(adapt(model, modes=[4, 6])(u), model(u), **EXACT)


@torch.no_grad()
def test_fewer_modes_are_the_same_filter_cut_off():
    model, u = moving(), smooth(12)
    less = adapt(model, modes=2)(u)
    for module in model.spectral:
        # the last axis leads: waves 0, 1, 2; the other one has -3 ... 2
        module.weight[2] = 0.0
        module.weight[:, [0, 5]] = 0.0
    assert_close(less, model(u), **EXACT)
    assert "modes 3 -> 2" in str(adapt(model, modes=2).load_report)


@pytest.mark.parametrize("n", [13, 18, 27])
@torch.no_grad()
def test_another_grid_gives_the_same_field_even_or_odd(n):
    # one block has no nonlinearity but a pointwise one at its end, so the waves are no more
    model = moving(layers=1)
    coarse, fine = model(smooth(n)), model(smooth(2 * n))
    assert_close(fine[..., ::2, ::2], coarse, **EXACT)


def test_a_grid_too_coarse_is_told_with_the_modes_that_it_holds():
    with pytest.raises(ValueError, match=r"modes=6 needs n >= 10, got n=9; lower modes to 4 "):
        moving(modes=6)(smooth(9))
    with torch.no_grad():
        assert bool(adapt(moving(modes=6), modes=4)(smooth(9)).isfinite().all())


@torch.no_grad()
def test_waves_by_number_know_nothing_of_the_length_of_the_box():
    model, u = moving(), smooth(12)
    wide = adapt(model, frames={"box": [5.0, 5.0]})
    assert torch.equal(wide(u), model(u)) and wide.interface.box == (5.0, 5.0)
    told = "box [2.0, 2.0] -> [5.0, 5.0]: waves are kept by number"
    assert wide.load_report.changed == (told,)


@pytest.mark.parametrize("dimension", [1, 2])
@torch.no_grad()
def test_a_field_repeated_on_twice_the_box_gives_the_repeated_output(dimension):
    model = moving(box=(2.0,) * dimension)
    wide = adapt(model, frames={"box": [4.0] * dimension}, waves="length")
    assert wide.modes == 6
    u = smooth(12, dimension=dimension)
    repeated = u.repeat(1, 1, 1, *(2,) * dimension)
    assert_close(wide(repeated), model(u).repeat(1, 1, 1, *(2,) * dimension), **EXACT)
    assert "waves are kept by length" in str(wide.load_report)


@torch.no_grad()
def test_one_side_alone_may_be_longer():
    model, u = moving(), smooth(12)
    wide = adapt(model, frames={"box": (2.0, 4.0)}, waves="length")
    assert wide.modes == [3, 6]
    assert_close(wide(u.repeat(1, 1, 1, 1, 2)), model(u).repeat(1, 1, 1, 1, 2), **EXACT)


def test_twice_the_box_and_back_gives_the_same_bits():
    model = moving()
    there = adapt(model, frames={"box": (4.0, 4.0)}, waves="length")
    back = adapt(there, frames={"box": (2.0, 2.0)}, waves="length")
    assert back.modes == 3
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name


def test_a_wavelength_between_two_takes_both_weights():
    model = moving(box=(2.0,), modes=3)
    wide = adapt(model, frames={"box": (3.0,)}, waves="length", modes=5)
    old, new = model.spectral[0].weight, wide.spectral[0].weight
    assert_close(new[0], old[0])
    assert_close(new[1], old[0] / 3 + old[1] * 2 / 3)
    assert_close(new[3], old[2])
    assert not new[4].any()  # 8/3 lies beyond the last wave kept


@torch.no_grad()
def test_with_a_margin_waves_repeat_after_box_and_margin():
    edge = {"face": {"boundary": "neumann"}, "padding": 1.0}
    model = moving(box=(2.0,), **edge)
    wide = adapt(model, frames={"box": (5.0,)}, waves="length")
    assert wide.modes == 6
    assert_close(wide.spectral[1].weight[::2], model.spectral[1].weight, **EXACT)


def test_what_else_is_not_as_in_the_release_is_told():
    model = adapt(moving(face={"units": {"u": "m"}}), frames={"units": {"u": "m", "other": "s"}})
    assert model.load_report.changed == () and model.interface.units == {"u": "m"}
    frames = {"dt": 0.5, "boundary": "neumann", "units": {"u": "km"}}
    told = str(adapt(model, frames=frames).load_report)
    assert "changed  dt 0.1 -> 0.5" in told
    assert "changed  boundary periodic -> neumann" in told
    assert "changed  units.u 'm' -> 'km': numbers are taken as they are" in told


def test_a_box_of_another_dimension_is_refused():
    with pytest.raises(ReleaseError, match=r"box=\[1.0\] has 1 sides.*start from a release of 1"):
        adapt(moving(), frames={"box": [1.0]})


def test_a_model_without_weights_by_wave_knows_no_wavelengths():
    face = Interface(("u",), ("u",), dt=0.1)
    net = DeepONet(face, Affine(), rank=4, sensors=4, hidden=8, layers=1)
    with pytest.raises(ReleaseError, match="waves='length' on a DeepONet"):
        adapt(net, frames={"box": (2.0, 2.0)}, waves="length")
    told = adapt(net, frames={"box": (2.0, 2.0)}).load_report.changed
    assert told == ("box [1.0, 1.0] -> [2.0, 2.0]: positions relative to the box are kept",)


def test_an_argument_that_makes_no_model_is_refused_with_the_models_own_words():
    edge = moving(box=(2.0,), face={"boundary": "neumann"}, padding=0.5)
    with pytest.raises(ReleaseError, match=r"cannot be built: padding=0.5 on a box that is peri"):
        adapt(edge, frames={"boundary": "periodic"})


@torch.no_grad()
def test_a_net_of_one_grid_is_given_another(rng):
    face = Interface(("u",), ("u",), dt=0.1)
    net = UNet(face, Affine(), widths=[4, 8], blocks=1, grid=8).eval()
    wide = adapt(net, grid=16)
    assert wide.load_report.changed == ("grid 8 -> 16",) and not wide.load_report.adapted
    u = torch.randn(1, 1, 1, 8, 8, generator=rng)
    # its kernels act on cells: a periodic field repeated gives the output repeated
    assert_close(wide(u.repeat(1, 1, 1, 2, 2)), net(u).repeat(1, 1, 1, 2, 2))


@torch.no_grad()
def test_from_four_channels_two_are_kept_and_close():
    model, u = moving(("rho", "vx", "vy", "p")), smooth(12, 4)
    two = adapt(model, inputs=["vx", "vy"], outputs=["vx", "vy"])
    without = u.clone()
    without[:, :, [0, 3]] = 0.0  # the neutral value of a channel that is left out
    assert_close(two(u[:, :, 1:3]), model(without)[:, :, 1:3], **EXACT)


@torch.no_grad()
def test_from_four_channels_to_five_the_four_are_as_before():
    names = ("rho", "vx", "vy", "p")
    model, u = moving(names), smooth(12, 5)
    five = adapt(model, inputs=[*names, "T"], outputs=[*names, "T"])
    y = five(1e3 * u)
    assert_close(y[:, :, :4], model(1e3 * u[:, :, :4]), rtol=1e-12, atol=1e-9)
    assert bool(y.isfinite().all())
    assert 0.1 < float(y[:, :, 4].std() / y[:, :, :4].std()) < 10


@torch.no_grad()
def test_a_release_is_loaded_with_other_modes_and_another_box(tmp_path):
    model, u = moving().float(), smooth(12).float()
    folder = zoo.save_pretrained(model, tmp_path / "r")
    more = zoo.from_pretrained(folder, change={"modes": 5})
    assert more.modes == 5
    assert_close(more(u), model(u), rtol=0.0, atol=1e-6)
    wide = release.load(folder, frames={"box": (4.0, 2.0)}, waves="length")
    assert wide.modes == [6, 3]
    same = zoo.from_pretrained(folder, frames={"box": (4.0, 2.0)}, waves="length")
    assert torch.equal(same.spectral[0].weight, wide.spectral[0].weight)
