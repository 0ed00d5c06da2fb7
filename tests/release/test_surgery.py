"""Channels by name: what is shared is kept, what is new does not disturb it."""

import pytest
import torch

import zoo
from zoo import release
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.homogeneous import Homogeneous
from zoo.release import ReleaseError
from zoo.surgery import adapt


@pytest.fixture
def given(model, rng):
    return model.example(rng)


def test_the_same_names_give_the_same_bits(model, folder, given):
    back = zoo.from_pretrained(
        folder, inputs=["f", "g"], outputs=["u", "w"], coefficients=["k", "q"]
    )
    assert torch.equal(back(**given), model(**given))
    assert set(back.load_report.loaded) == set(model.state_dict())
    assert back.load_report.adapted == back.load_report.new == back.load_report.unused == ()


def test_no_names_mean_no_report(folder):
    assert not hasattr(zoo.from_pretrained(folder), "load_report")


def test_permuted_names_permute_the_weights(model, folder, given):
    back = zoo.from_pretrained(
        folder, inputs=["g", "f"], outputs=["w", "u"], coefficients=["q", "k"]
    )
    assert torch.equal(back.lift.weight, model.lift.weight[:, [1, 0]])
    assert torch.equal(back.lift_coefficients.weight, model.lift_coefficients.weight[:, [1, 0]])
    assert torch.equal(back.output.weight, model.output.weight[[1, 0]])
    turned = back(given["u"][:, :, [1, 0]], given["p"][:, [1, 0]])
    assert torch.allclose(turned[:, :, [1, 0]], model(**given), atol=1e-6)
    assert back.load_report.new == back.load_report.unused == ()


def test_new_inputs_and_coefficients_leave_the_function_as_it_was(model, folder, given, rng):
    back = zoo.from_pretrained(folder, inputs=["x", "f", "g"], coefficients=["k", "z", "q"])
    other = 100 * torch.randn(2, 1, 1, 16, 16, generator=rng)
    u = torch.cat([other, given["u"]], 2)
    p = torch.stack([given["p"][:, 0], torch.tensor([5.0, -7.0]), given["p"][:, 1]], 1)
    assert torch.allclose(back(u, p), model(**given), atol=1e-6)
    assert back.load_report.new == ("inputs.x", "coefficients.z")
    assert "lift.weight" in back.load_report.adapted


def test_a_new_input_learns(folder, given, rng):
    back = zoo.from_pretrained(folder, inputs=["f", "g", "x"]).train()
    u = torch.cat([given["u"], torch.randn(2, 1, 1, 16, 16, generator=rng)], 2)
    back(u, given["p"]).square().sum().backward()
    assert float(back.lift.weight.grad[:, 2].abs().min()) > 0


def test_new_coefficients_start_with_the_neutral_statistics(folder, model):
    back = zoo.from_pretrained(folder, coefficients=["z", "q", "k"])
    for name, buffer in back.normaliser.named_buffers():
        old = getattr(model.normaliser, name)
        if name == "coefficient_median":
            assert torch.equal(buffer, torch.stack([torch.ones(()), old[1], old[0]]))
        elif name == "coefficients_mean":
            assert torch.equal(buffer, torch.stack([torch.zeros(()), old[1], old[0]]))
        elif name == "coefficients_std":
            assert torch.equal(buffer, torch.stack([torch.ones(()), old[1], old[0]]))
        else:
            assert torch.equal(buffer, old)


def test_a_left_out_output_leaves_the_others_as_they_were(model, folder, given):
    back = zoo.from_pretrained(folder, outputs=["w"])
    assert torch.allclose(back(**given)[:, :, 0], model(**given)[:, :, 1], atol=1e-6)
    assert back.load_report.unused == ("outputs.u",)


def test_a_new_output_is_finite_and_as_large_as_the_old_ones(model, folder, given):
    back = zoo.from_pretrained(folder, outputs=["u", "w", "new"])
    y = back(**given).detach()
    assert torch.allclose(y[:, :, :2], model(**given), atol=1e-6)
    rows = back.output.weight.detach().square().mean(1).sqrt()
    old = model.output.weight.detach().square().mean().sqrt()
    assert 0.3 * float(old) < float(rows[2]) < 3 * float(old)
    assert bool(y.isfinite().all()) and float(y[:, :, 2].std()) > 0
    again = zoo.from_pretrained(folder, outputs=["u", "w", "new"])
    assert torch.equal(again(**given), y)


def test_a_left_out_coefficient_stands_at_its_neutral_value(model, folder, given):
    back = zoo.from_pretrained(folder, coefficients=["q"])
    p = given["p"].clone()
    mean = getattr(model.normaliser, "coefficients_mean", None)
    p[:, 0] = 0.0 if mean is None else mean[0]
    wanted = model(given["u"], p)
    assert torch.allclose(back(given["u"], p[:, 1:]), wanted, atol=1e-6)


def test_coefficients_can_be_left_out_and_brought_in(model, folder, given, tmp_path):
    without = zoo.from_pretrained(folder, coefficients=[])
    assert without(given["u"]).shape == (2, 1, 2, 16, 16)
    assert "lift_coefficients.weight" in without.load_report.unused
    saved = zoo.save_pretrained(without, tmp_path / "without")
    back = zoo.from_pretrained(saved, coefficients=["k"])
    assert "lift_coefficients.weight" in back.load_report.new
    assert torch.allclose(back(given["u"], torch.ones(2, 1)), without(given["u"]), atol=1e-6)


def test_an_adapted_model_is_released_like_any_other(folder, given, tmp_path, rng):
    one = zoo.from_pretrained(folder, inputs=["f", "x", "g"])
    u = torch.randn(2, 1, 3, 16, 16, generator=rng)
    two = zoo.from_pretrained(zoo.save_pretrained(one, tmp_path / "adapted"))
    assert torch.equal(two(u, given["p"]), one(u, given["p"]))
    three = zoo.from_pretrained(tmp_path / "adapted", inputs=["y", "f", "g", "x"])
    wide = torch.cat([torch.randn(2, 1, 1, 16, 16, generator=rng), u[:, :, [0, 2, 1]]], 2)
    assert torch.allclose(three(wide, given["p"]), one(u, given["p"]), atol=1e-6)


def test_frames_of_a_channel_move_together(tmp_path, rng):
    face = Interface(("a", "b"), ("a", "b"), box=(1.0,), dt=0.1, history=3, horizon=2)
    made = FNO(face, Homogeneous(), width=6, modes=3, layers=1).eval()
    folder = zoo.save_pretrained(made, tmp_path / "m")
    back = zoo.from_pretrained(folder, inputs=["b", "new", "a"], outputs=["b", "a"])
    u = torch.randn(2, 3, 2, 16, generator=rng)
    wide = torch.stack([u[:, :, 1], torch.randn(2, 3, 16, generator=rng), u[:, :, 0]], 2)
    assert torch.allclose(back(wide)[:, :, [1, 0]], made(u), atol=1e-6)


def test_the_report_prints_what_became_of_the_channels(folder):
    text = str(zoo.from_pretrained(folder, inputs=["f", "x"], coefficients=["k"]).load_report)
    assert "new      inputs.x" in text
    assert "unused   inputs.g, coefficients.q" in text


def test_inputs_without_a_shared_name_are_refused(folder):
    with pytest.raises(ReleaseError, match=r"shares no name .*\['f', 'g'\].*name one of them"):
        zoo.from_pretrained(folder, inputs=["F"])


def test_a_repeated_name_is_refused(folder):
    with pytest.raises(ReleaseError, match="repeats a name"):
        zoo.from_pretrained(folder, coefficients=["k", "k"])


def test_a_model_that_names_no_axis_is_refused(folder, monkeypatch):
    monkeypatch.setattr(FNO, "channel_axes", lambda self: {})
    with pytest.raises(ReleaseError, match=r"FNO.channel_axes must say which axis"):
        zoo.from_pretrained(folder, inputs=["f", "g", "x"])


@pytest.mark.parametrize("more", [5, [4, 6]])
def test_more_modes_leave_the_function_as_it_was(model, given, more):
    wide = adapt(model, modes=more)
    assert wide.modes == more
    assert torch.allclose(wide(**given), model(**given), atol=1e-6)
    new = sum(p.numel() for p in wide.parameters()) - sum(p.numel() for p in model.parameters())
    m = [more, more] if isinstance(more, int) else more
    assert new == 2 * 2 * 6 * 6 * (2 * m[0] * m[1] - 2 * 3 * 3)


def test_more_modes_and_fewer_again_give_the_same_bits(model):
    back = adapt(adapt(model, modes=5), modes=3)
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor)


def test_fewer_modes_cut_the_convolution_off(model):
    """Each kept wave number has the weight that it had."""
    less = adapt(model, modes=2)
    for i in range(2):
        whole, cut = model.spectral[i].weight, less.spectral[i].weight
        assert torch.equal(cut, whole[:2, 1:5])


def test_an_argument_that_changes_shapes_without_names_is_refused(model):
    with pytest.raises(ReleaseError, match="channel_axes must say which axis"):
        adapt(model, width=8)


def test_an_unknown_argument_is_refused_with_the_nearest(model):
    with pytest.raises(ReleaseError, match="did you mean 'modes'"):
        adapt(model, mode=8)


def moving(**frames):
    torch.manual_seed(0)
    face = Interface(inputs=("u",), outputs=("u",), box=(2.0, 2.0), dt=0.1, **frames)
    return FNO(face, Affine(), width=6, modes=3, layers=2)


def test_frames_are_matched_by_their_place_in_time():
    bundle = moving(history=3, horizon=4)
    jump = adapt(bundle, frames={"horizon": 1, "offset": 4})
    assert jump.interface.offset == 4 and jump.interface.horizon == 1
    assert torch.equal(jump.output.weight, bundle.output.weight[3:])
    longer = adapt(bundle, frames={"history": 5})
    assert torch.equal(longer.lift.weight[:, 2:], bundle.lift.weight)
    assert not longer.lift.weight[:, :2].any()
    shorter = adapt(bundle, frames={"history": 1})
    assert torch.equal(shorter.lift.weight, bundle.lift.weight[:, 2:])


def test_output_frames_without_any_in_common_keep_their_order():
    near = moving(history=3)
    far = adapt(near, frames={"offset": 24, "dt": 0.5})
    assert torch.equal(far.output.weight, near.output.weight)
    assert far.interface.dt == 0.5 and near.interface.offset == 1
    u = torch.randn(2, 3, 1, 8, 8)
    assert torch.equal(far(u), near(u))


def test_frames_of_a_release_are_adapted_when_it_is_loaded(tmp_path):
    release.save_pretrained(moving(history=3, horizon=4), tmp_path / "r")
    model = release.load(tmp_path / "r", frames={"horizon": 2})
    assert model.interface.horizon == 2 and "output.weight" in model.load_report.adapted
    again = release.load(tmp_path / "r", frames={"history": 3})
    assert set(again.load_report.loaded) == set(again.state_dict())
