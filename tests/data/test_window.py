import pytest
import torch

from zoo.data.window import Timeline, Window

FRAMES = torch.arange(32).float().view(1, 32, 1, 1).expand(3, 32, 1, 4)


def frames(part):
    return part[0, :, 0, 0].int().tolist()


def test_fixed_future_takes_the_first_eight_frames_and_the_thirty_second():
    u, y = Window(history=8, offset=24).first(FRAMES, train=True)
    assert frames(u) == list(range(8)) and frames(y) == [31]


def test_the_next_frame_follows_at_once_and_evaluation_reaches_further():
    window = Window(history=8, evaluate=24)
    assert frames(window.first(FRAMES, train=True)[1]) == [8]
    assert frames(window.first(FRAMES, train=False)[1]) == list(range(8, 32))


def test_unrolled_training_gets_several_horizons():
    u, y = Window(history=2, horizon=3, unroll=2).first(FRAMES, train=True)
    assert frames(u) == [0, 1] and frames(y) == [2, 3, 4, 5, 6, 7]


def test_random_windows_cover_every_start_and_repeat_for_a_sample_and_an_epoch():
    window = Window(history=8, start="random")
    places = [window.place(32, (0, 4, 0, i, e)) for i in range(200) for e in range(3)]
    assert set(places) == set(range(24))
    again = [window.place(32, (0, 4, 0, i, e)) for i in range(200) for e in range(3)]
    assert places == again
    assert Window(history=8).place(32, (0, 4, 0, 1, 1)) == 0


@pytest.mark.parametrize(
    ("frames", "window"),
    [(8, Window(history=8)), (31, Window(history=8, offset=24)), (20, Window(evaluate=24))],
)
def test_a_trajectory_shorter_than_the_window_names_both(frames, window):
    with pytest.raises(ValueError, match=rf"heat: trajectories have {frames} frames.*needs"):
        window.check(frames, "heat")


def test_windows_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="history=0"):
        Window(history=0)
    with pytest.raises(ValueError, match=r"offset=24.*rolled out"):
        Window(offset=24, evaluate=2)


def test_frames_have_times():
    assert Timeline(4, 0.5).times().tolist() == [0.0, 0.5, 1.0, 1.5]
    with pytest.raises(ValueError, match="dt=0"):
        Timeline(4, 0.0)
