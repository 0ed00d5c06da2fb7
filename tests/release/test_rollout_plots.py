"""Pictures of rollouts show what they are given."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.release.test_plots import pixels
from zoo.plots.animation import FRAMES, animation
from zoo.plots.rollout import errors, frames
from zoo.plots.spectrum import energies, spectrum
from zoo.plots.track import Track, plane, spread

TIMES = np.linspace(0.1, 0.6, 6)


def track(dimension=2, channels=("u",), scale=1.0, known=True, steps=6):
    """A wave that moves along x; the prediction is the truth times `scale`."""
    n = 12
    x = np.arange(n) / n
    phase = np.arange(steps)[:, None] / 10
    wave = np.sin(2 * np.pi * (x - phase))
    field = wave.reshape(steps, 1, n, *[1] * (dimension - 1)) * np.ones(
        (1, len(channels), *[n] * dimension)
    )
    field = field.astype(np.float32)
    times = np.linspace(0.1, 0.6, steps)
    truth = field if known else None
    box = (1.0, 2.0, 3.0)[:dimension]
    return Track(channels, scale * field, times, box, truth, {"u": "m/s"}, "trajectory 4")


@pytest.mark.parametrize(("dimension", "known"), [(1, True), (1, False), (3, True)])
def test_a_picture_of_frames_is_drawn_with_and_without_the_truth(dimension, known):
    picture = pixels(frames(track(dimension, known=known), at=[0, 3]))
    assert picture.std() > 5


def test_a_row_is_drawn_for_truth_prediction_and_error():
    with_truth, without = (pixels(frames(track(known=k), at=[2])).shape for k in (True, False))
    assert with_truth[0] > 2.2 * without[0] and with_truth[1] == without[1]


def test_truth_and_prediction_share_their_colours():
    """A prediction of half the size is paler than the truth."""
    picture = pixels(frames(track(scale=0.5), at=[0]))
    strong = (picture.max(2) - picture.min(2) > 120).sum(1)
    third = len(strong) // 3
    assert strong[third : 2 * third].sum() < 0.75 * strong[:third].sum()


def test_a_field_of_one_sign_is_not_drawn_in_diverging_colours():
    one = track()
    positive = Track(one.channels, one.prediction + 3, one.times, one.box, units={})
    assert positive.look(0, [0, 1])["vmin"] == pytest.approx(2.0, abs=0.1)
    both = one.look(0, [0, 1])
    assert both["vmin"] == -both["vmax"]


def test_a_rollout_that_blew_up_is_drawn_all_the_same():
    one = track()
    one.prediction[3:] = np.nan
    for picture in (frames(one, at=[0, 5]), spectrum(one)):
        assert pixels(picture).std() > 5


def test_equal_tracks_give_equal_bytes():
    assert frames(track(), at=[1]) == frames(track(), at=[1])


def test_three_dimensions_are_drawn_at_their_middle_plane():
    field = np.arange(27.0).reshape(3, 3, 3)
    assert np.array_equal(plane(field), field[:, :, 1])


def test_frames_are_chosen_from_the_first_to_the_last():
    assert spread(21, 5) == [0, 5, 10, 15, 20]
    assert spread(2, 5) == [0, 1] and spread(1, 5) == [0]


def test_a_spectrum_holds_the_energy_of_the_wave_in_its_shell():
    one = track(2)
    found = energies(one, one.prediction)
    # x is the shorter side: its first wave is the second of the box
    assert found[:, 0, 2] == pytest.approx(np.full(6, 0.5), rel=1e-5)
    assert found[:, 0].sum(1) == pytest.approx(np.full(6, 0.5), rel=1e-5)


def test_errors_beside_persistence_are_drawn_in_two_colours():
    each = np.full((3, 6, 2), 0.1) * np.array([1, 2, 3])[:, None, None]
    picture = pixels(errors(TIMES, {"model": each, "persistence": 5 * each}, ["u", "v"]))
    assert (np.abs(picture - (0, 114, 178)).max(2) < 3).sum() > 200
    assert (np.abs(picture - 0x66).max(2) < 3).sum() > 200


def test_errors_that_are_not_finite_are_left_out():
    each = np.full((2, 6, 1), 0.1)
    each[0, 3:], each[1] = np.inf, np.nan
    assert pixels(errors(TIMES, {"model": each}, ["u"])).std() > 1


def test_errors_of_other_channels_are_refused():
    with pytest.raises(
        ValueError, match=r"model has errors \(2, 6, 1\); give \(trajectories, 6, 2"
    ):
        errors(TIMES, {"model": np.ones((2, 6, 1))}, ["u", "v"])


@pytest.mark.parametrize("dimension", [1, 2])
def test_an_animation_has_a_picture_for_each_frame(dimension):
    moving = Image.open(io.BytesIO(animation(track(dimension, steps=2))))
    assert (moving.format, moving.n_frames) == ("GIF", 2)
    first = np.asarray(moving.convert("RGB"), float)
    moving.seek(1)
    assert np.abs(np.asarray(moving.convert("RGB"), float) - first).max() > 50


def test_a_long_trajectory_is_thinned_for_the_animation():
    assert len(spread(1000, FRAMES)) == FRAMES == 48


def test_arrays_that_do_not_belong_together_are_refused():
    one = track()
    with pytest.raises(ValueError, match=r"truth \(5, 1, 12, 12\)"):
        Track(one.channels, one.prediction, one.times, one.box, one.truth[:5])
