"""`zoo predict` of trajectories: rollouts in physical units, streamed to a file."""

import json
import os

import h5py
import numpy as np
import pytest
from the_well.data import WellDataset

from tests.cli.moving import (
    BOX,
    CHANNELS,
    DT,
    GRID,
    frames_of,
    plain,
    recorded,
    released,
    rolled,
)
from zoo.data.formats.detect import opened
from zoo.data.formats.well_stream import WellStream


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    return released(tmp_path_factory.mktemp("moving") / "moving")


def test_a_rollout_goes_to_the_end_of_the_files_trajectories(moving, zoo, here):
    fields, p = recorded("mine.h5")
    code, out, _ = zoo(*plain("predict", moving, "mine.h5"))
    assert (code, out) == (0, "mine-predicted.h5\n")
    found, held = frames_of("mine-predicted.h5")
    np.testing.assert_allclose(found, rolled(moving, fields, p, 5), rtol=1e-4, atol=1e-5)
    assert (held.channels, held.box, held.units["nu"]) == (CHANNELS, BOX, "m^2/s")
    assert held.dt == pytest.approx(DT, rel=1e-12)


def test_what_is_written_is_read_by_the_well(moving, zoo, here):
    fields, p = recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5", "--out", "of/result.h5"))[0] == 0
    data = WellDataset(
        path="of", n_steps_input=1, n_steps_output=1, use_normalization=False,
        full_trajectory_mode=False,
    )  # fmt: skip
    want = rolled(moving, fields, p, 5)
    assert len(data) == 5 * 4
    got = data[0]["input_fields"].numpy()[0]
    np.testing.assert_allclose(np.moveaxis(got, -1, 0), want[0, 0], rtol=1e-4, atol=1e-5)


def test_frames_that_go_in_are_counted_from_the_start(moving, zoo, here):
    fields, p = recorded("mine.h5")
    words = ("--start", "3", "--steps", "4", "--out", "later.h5")
    assert zoo(*plain("predict", moving, "mine.h5", *words))[0] == 0
    found, _ = frames_of("later.h5")
    np.testing.assert_allclose(found, rolled(moving, fields, p, 4, 3), rtol=1e-4, atol=1e-5)
    with h5py.File("later.h5") as file:
        np.testing.assert_allclose(file["dimensions/time"], DT * np.arange(5, 9))


@pytest.mark.parametrize("batch", [1, 2, 5, 64])
def test_the_size_of_a_batch_does_not_matter(batch, moving, zoo, here):
    fields, p = recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5", "--batch", batch))[0] == 0
    found, _ = frames_of("mine-predicted.h5")
    np.testing.assert_allclose(found, rolled(moving, fields, p, 5), rtol=1e-4, atol=1e-5)


def test_a_model_of_many_frames_at_once_gives_the_first_ones(zoo, here):
    folder = released("many", horizon=6)
    fields, p = recorded("mine.h5")
    assert zoo(*plain("predict", folder, "mine.h5", "--steps", "4"))[0] == 0
    found, _ = frames_of("mine-predicted.h5")
    want = rolled(folder, fields, p, 6)
    np.testing.assert_allclose(found, want[:, :4], rtol=1e-4, atol=1e-5)


def test_a_model_that_jumps_gives_what_it_can(zoo, here):
    folder = released("jumps", horizon=2, offset=3)
    fields, p = recorded("mine.h5")
    code, _, err = zoo(*plain("predict", folder, "mine.h5", "--steps", "3"))
    assert code == 1 and "this model gives frames 3 to 4 after the last one that goes in" in err
    assert zoo(*plain("predict", folder, "mine.h5", "--steps", "2"))[0] == 0
    found, _ = frames_of("mine-predicted.h5")
    np.testing.assert_allclose(found, rolled(folder, fields, p, 2), rtol=1e-4, atol=1e-5)
    with h5py.File("mine-predicted.h5") as file:
        np.testing.assert_allclose(file["dimensions/time"], [4 * DT, 5 * DT])


def test_a_coefficient_on_the_command_line_wins(moving, zoo, here):
    fields, p = recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5", "--coefficient", "nu=0.7"))[0] == 0
    found, _ = frames_of("mine-predicted.h5")
    want = rolled(moving, fields, np.full_like(p, 0.7), 5)
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)
    table = opened("mine-predicted.h5").coefficients()
    assert table.ravel().tolist() == [0.7] * 5


def test_channels_of_other_names_are_told(moving, zoo, here):
    held = {"channels": ("u", "velocity_y"), "units": {}}
    fields, p = recorded("mine.h5", **held)
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 1 and "mine.h5 has no channel 'velocity_x'" in err and "--rename" in err
    assert zoo(*plain("predict", moving, "mine.h5", "--rename", "u=velocity_x"))[0] == 0
    found, _ = frames_of("mine-predicted.h5")
    np.testing.assert_allclose(found, rolled(moving, fields, p, 5), rtol=1e-4, atol=1e-5)


def test_no_more_than_a_block_of_frames_is_held(moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    sizes, append = [], WellStream.append

    def seen(self, frames, *given):
        sizes.append(frames.shape[:2])
        append(self, frames, *given)

    monkeypatch.setattr(WellStream, "append", seen)
    assert zoo(*plain("predict", moving, "mine.h5", "--steps", "30", "--batch", "3"))[0] == 0
    assert sizes == [(3, 1)] * 30 + [(2, 1)] * 30


def test_a_rollout_that_blows_up_is_told_and_written_as_it_is(zoo, here):
    folder = released("wild", gain=1e9)
    recorded("mine.h5")
    code, _, err = zoo(*plain("predict", folder, "mine.h5", "--steps", "12"))
    found, _ = frames_of("mine-predicted.h5")
    first = [int(np.argmin(np.isfinite(row).all((1, 2, 3)))) + 1 for row in found]
    assert 1 < first[0] < 12
    assert code == 0 and "5 of 5 trajectories blew up" in err
    assert f"0 at step {first[0]}, 1 at step {first[1]}" in err
    with h5py.File("mine-predicted.h5") as file:
        told = json.loads(file.attrs["zoo_not_finite"])
    assert told == {str(i): step for i, step in enumerate(first)}


def test_inputs_unlike_those_of_the_training_are_told(zoo, here):
    limits = {"least": -4.0, "greatest": 4.0, "mean": 0.0, "rms": 1.0, "quantiles": [-3.0, 3.0]}
    waves = {"energy": [0.0, 1.0], "spread": [0.0, 0.1], "bands": [[1, 1, 0.9, 1.0]]}
    seen = {**limits, **waves, "rms_of_samples": [0.01, 0.02]}
    system = {"samples": 9, "grid": list(GRID), "channels": {"velocity_x": seen}}
    region = {"box": list(BOX), "dt": DT, "wave_number_step": 3.14, "shells": 2}
    trained = {**region, "systems": {"waves": {**system, "coefficients": {"nu": [0.1, 0.5]}}}}
    folder = released("known", training_inputs=trained)
    recorded("mine.h5", dt=0.3)
    code, _, err = zoo(*plain("predict", folder, "mine.h5"))
    assert code == 0
    assert "outside of the training: velocity_x has an rms of" in err
    assert "the time step is 0.3, trained on 0.1" in err


def test_a_release_that_does_not_know_its_training_says_so(moving, zoo, here):
    recorded("mine.h5")
    assert (
        "does not say what its training inputs were like"
        in zoo(*plain("predict", moving, "mine.h5"))[2]
    )


def test_pictures_lie_beside_the_result(moving, zoo, here):
    recorded("mine.h5", frames=4)
    code, _, err = zoo("predict", moving, "mine.h5")
    assert code == 0 and "relative L2 error after 1, 2 steps: model" in err
    assert sorted(os.listdir("mine-predicted")) == [
        "animation.gif", "error.png", "frames-velocity_x.png", "frames-velocity_y.png",
        "spectrum.png",
    ]  # fmt: skip


def test_pictures_without_a_truth_show_the_prediction_alone(moving, zoo, here):
    recorded("mine.h5", frames=2)
    assert zoo("predict", moving, "mine.h5", "--steps", "1")[0] == 0
    assert "error.png" not in os.listdir("mine-predicted")
    assert "frames-velocity_x.png" in os.listdir("mine-predicted")
