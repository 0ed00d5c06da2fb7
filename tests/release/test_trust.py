"""The trust region: what a release was trained on, and which inputs lie outside of it."""

import json
import math

import numpy as np
import pytest
import torch

import zoo
from tests.release.test_tampering import edit_config
from zoo import card, release, trust
from zoo.data.mixture import Mixture
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.models.base import Interface, block
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.burgers import Burgers
from zoo.pde.heat import Heat

GRID, SAMPLES = 16, 24


def mixture(window=None):
    sets = [
        Trajectories(
            equation, GRID, timeline=Timeline(6, 0.02), train=SAMPLES, validation=8, test=0
        )
        for equation in (Heat(dimension=1), Burgers(dimension=1))
    ]
    return Mixture(sets, batch_size=4, window=window or Window(history=2))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("data")))
        made = mixture()
        made.prepare_data()
        made.setup("fit")
    return made


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory):
    """A release that knows what it was trained on; its answers do not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("stamps")))
        face = data.interface()
        model = FNO(face, Affine(), width=4, modes=2, layers=1)
        return zoo.save_pretrained(
            model,
            tmp_path_factory.mktemp("trained") / "moving",
            recipe={"data": block(data)},
            training_inputs=trust.summary(data, face),
        )


@pytest.fixture
def held(data):
    """Heat's validation windows and coefficients."""
    fields = data.split("validation")[0]
    return fields.u.clone(), fields.p.clone()


def told(verdict, word):
    return [one for one in verdict.outside if word in one.what]


def test_a_summary_holds_the_extremes_moments_and_quantiles_of_what_went_in(data):
    u = data.split("train")[0].u[:, :, 0].double()
    found = trust.summary(data, data.interface())["systems"]["heat"]["channels"]["u"]
    rms = u.square().mean((1, 2)).sqrt()
    want = {
        "least": u.min(),
        "greatest": u.max(),
        "mean": u.mean(),
        "rms": u.square().mean().sqrt(),
    }
    for key, value in want.items():
        assert found[key] == pytest.approx(float(value), rel=1e-5, abs=1e-9), key
    assert found["quantiles"] == pytest.approx(
        np.quantile(u.numpy(), (0.001, 0.999)).tolist(), rel=1e-5
    )
    assert found["rms_of_samples"] == pytest.approx([float(rms.min()), float(rms.max())], rel=1e-5)


def test_a_summary_holds_mean_and_spread_of_the_energy_by_wave(data):
    u = data.split("train")[1].u[:, :, 0].double()
    waves = torch.fft.fft(u, norm="forward").abs().square()
    shell = torch.fft.fftfreq(GRID, 1 / GRID).abs().long()
    energy = torch.stack([waves[..., shell == j].sum(-1) for j in range(GRID // 2 + 1)], -1).mean(1)
    found = trust.summary(data, data.interface())["systems"]["burgers"]["channels"]["u"]
    assert found["energy"] == pytest.approx(energy.mean(0).tolist(), rel=1e-4, abs=1e-12)
    spread = energy.std(0, correction=0).tolist()
    assert found["spread"] == pytest.approx(spread, rel=1e-4, abs=1e-12)


def test_a_summary_holds_what_the_model_was_given_of_each_coefficient(data):
    found = trust.summary(data, data.interface())["systems"]
    low, high = Heat(dimension=1).ranges["nu"]
    assert found["heat"]["coefficients"]["nu"] == pytest.approx([low, high], rel=1e-5)
    # heat has no convection: it was filled with what the mixture fills in
    assert found["heat"]["coefficients"]["cx"] == [0.0, 0.0]


def test_windows_that_begin_anywhere_are_summarised_where_they_begin(data, monkeypatch):
    anywhere = mixture(Window(history=2, start="random"))
    anywhere._splits = data._splits
    one = trust.summary(anywhere, anywhere.interface())["systems"]["heat"]["channels"]["u"]
    two = trust.summary(data, data.interface())["systems"]["heat"]["channels"]["u"]
    # heat only decays
    assert one["rms"] < two["rms"]


def test_samples_of_the_training_lie_where_the_model_was_trained(trained, data):
    for fields in data.split("train"):
        verdict = trust.check(trained, fields.u, fields.p)
        assert verdict and str(verdict) == f"{SAMPLES} samples lie where the model was trained"


def test_a_field_three_times_as_strong_is_outside_by_what_is_said(trained, data):
    u, p = (getattr(data.split("train")[1], key).clone() for key in ("u", "p"))
    rms = u.double().square().mean((1, 2, 3)).sqrt()
    u[5] *= 3 * float(rms.max() / rms[5])
    (one,) = told(trust.check(trained, u, p, first=100), "rms")
    assert (one.sample, one.samples) == (105, 1)
    assert one.score == pytest.approx(math.log(3) / math.log(1.25), rel=1e-3)
    assert str(one).endswith("3 times the greatest")
    assert f"rms of {3 * float(rms.max()):.4g} in sample 105, trained on" in str(one)


def test_short_waves_that_no_sample_had_are_outside(trained, held):
    u, p = held
    x = 2 * math.pi * torch.arange(GRID) / GRID
    u[2] += 0.3 * u[2].std() * torch.cos(7 * x)
    found = told(trust.check(trained, u, p), "energy")
    assert found[0].what.startswith("u has {} of its energy in waves 4 to 7 (k = ")
    assert found[0].sample == 2 and "times the greatest" in str(found[0])


def test_a_coefficient_is_outside_of_the_interval_by_what_is_said(trained, held):
    u, p = held
    low, high = Heat(dimension=1).ranges["nu"]
    p[:, 0] = high + 2 * (high - low)
    (one,) = told(trust.check(trained, u, p), "nu is {}")
    assert one.samples == len(u)
    assert "2 of that range above it" in str(one) and "(heat)" in str(one)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"box": (1.0,)}, "the box is 1, trained on"),
        ({"dt": 0.05}, "the time step is 0.05, trained on 0.02"),
    ],
)
def test_another_box_or_time_step_is_told(given, words, trained, held):
    verdict = trust.check(trained, *held, **given)
    assert not verdict and words in str(verdict)


def test_another_grid_is_told(trained, held):
    u, p = held
    assert "the grid is 32, trained on 16" in str(trust.check(trained, u.repeat(1, 1, 1, 2), p))


def test_a_loaded_model_knows_it_too(trained, held):
    u, p = held
    model = zoo.from_pretrained(trained)
    assert str(trust.check(model, 9 * u, p)) == str(trust.check(trained, 9 * u, p))


def test_parts_of_an_input_are_told_together(trained, held):
    u, p = held
    whole = trust.check(trained, 9 * u, p)
    parts = [trust.check(trained, 9 * u[i : i + 3], p[i : i + 3], first=i) for i in (0, 3, 6)]
    assert str(trust.together(parts)) == str(whole)


def test_a_value_that_is_not_finite_is_named(trained, held):
    u, p = held
    u[3, 1, 0, 4] = math.nan
    with pytest.raises(ValueError, match="sample 3, frame 1, channel u"):
        trust.check(trained, u, p)


def test_a_release_of_the_first_format_loads_and_says_that_it_does_not_know(trained, tmp_path):
    import shutil

    old = shutil.copytree(trained, tmp_path / "old")
    edit_config(old, lambda config: (config.update(format=1), config.pop("training_inputs")))
    verdict = trust.check(old, torch.zeros(1, 2, 1, GRID), [0.01, 0.0])
    assert (verdict.known, bool(verdict)) == (False, False)
    assert str(verdict) == "the release does not say what its training inputs were like"
    assert zoo.from_pretrained(old).training_inputs is None


def test_a_summary_is_made_again_from_the_recipe(trained, data, tmp_path, monkeypatch):
    import shutil

    old = shutil.copytree(trained, tmp_path / "old")
    want = release.describe(old)["training_inputs"]
    edit_config(old, lambda config: (config.update(format=1), config.pop("training_inputs")))
    trust.summarise(old, SAMPLES)
    assert release.describe(old)["training_inputs"] == want
    assert json.loads((old / "config.json").read_text())["format"] == 2
    assert not card.stale(old)


def test_a_release_without_a_recipe_cannot_be_summarised(folder):
    with pytest.raises(release.ReleaseError, match=r"no data block in recipe\.yaml"):
        trust.summarise(folder)


def test_the_card_tells_what_went_in(trained):
    text = card.text(trained)
    one = release.describe(trained)["training_inputs"]["systems"]["heat"]["channels"]["u"]
    assert f"| heat | u | 1 | {one['least']:.4g} to {one['greatest']:.4g} |" in text
    assert "waves 4 to 7" in text and f"From {SAMPLES} samples of heat on 16" in text


def test_the_card_of_a_release_that_does_not_know_is_as_it_was(folder):
    assert "Inputs seen" not in card.text(folder)


def test_points_have_no_summary():
    face = Interface(("x",), ("u",), region=((0.0, 1.0),))
    assert trust.summary(object(), face) is None
