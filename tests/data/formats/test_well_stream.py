"""Frames streamed into The Well's format are where whole trajectories would be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents, FileError
from zoo.data.formats.well_stream import WellStream, reader
from zoo.data.formats.well_writer import WellWriter

HELD = Contents(
    path=Path("flow.h5"), layout="The Well", channels=("p", "v_x", "v_y", "s_xx", "s_xy", "s_yy"),
    coefficients=("nu",), shape=(4, 3), trajectories=5, frames=7, box=(1.0, 2.0),
    boundary="periodic", dt=0.25,
)  # fmt: skip
FRAMES = np.random.default_rng(0).normal(size=(5, 7, 6, 4, 3)).astype(np.float32)
TABLE = np.arange(5.0)[:, None]


def streamed(path, blocks, **options):
    with WellStream(path, HELD, **options) as stream:
        for first in range(stream.done, 5, 2):
            rows = slice(first, min(first + 2, 5))
            start = 0
            for length in blocks:
                stream.append(FRAMES[rows, start : start + length], TABLE[rows])
                start += length
    return path


@pytest.mark.parametrize("blocks", [(7,), (3, 4), (1,) * 7])
def test_frames_in_blocks_are_those_of_whole_trajectories(blocks, tmp_path):
    with WellWriter(tmp_path / "whole.h5", HELD) as writer:
        writer.add(FRAMES, TABLE)
    one, two = (opened(p) for p in (tmp_path / "whole.h5", streamed(tmp_path / "a.h5", blocks)))
    for trajectory in range(5):
        np.testing.assert_array_equal(one.read(trajectory, 0, 7), two.read(trajectory, 0, 7))
        np.testing.assert_array_equal(two.read(trajectory, 0, 7), FRAMES[trajectory])
    np.testing.assert_array_equal(two.coefficients(), TABLE)
    # but for what differs in the name
    assert replace(two.contents, path=HELD.path) == replace(one.contents, path=HELD.path)


def test_what_is_written_can_be_read_before_the_file_is_complete(tmp_path):
    with pytest.raises(FileError, match="got 0 of 5"), WellStream(tmp_path / "a.h5", HELD) as one:
        one.append(FRAMES[:2, :4], TABLE[:2])
        np.testing.assert_array_equal(one.read(1, 1, 4), FRAMES[1, 1:4])
        assert (one.done, one.grown) == (0, 4)


def test_a_part_is_gone_on_with_in_the_middle_of_trajectories(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(KeyError), WellStream(path, HELD, resume=True) as one:
        one.append(FRAMES[:2], TABLE[:2])
        one.append(FRAMES[2:4, :3], TABLE[2:4])
        raise KeyError
    with WellStream(path, HELD, resume=True) as two:
        assert (two.done, two.grown) == (2, 3)
        two.append(FRAMES[2:4, 3:], TABLE[2:4])
        two.append(FRAMES[4:], TABLE[4:])
    np.testing.assert_array_equal(opened(path).read(3, 0, 7), FRAMES[3])
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_a_mark_of_trajectories_that_are_past_is_not_believed(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(KeyError), WellStream(path, HELD, resume=True) as one:
        one.append(FRAMES[:2, :3], TABLE[:2])
        mark = one.mark.read_text()
        one.append(FRAMES[:2, 3:], TABLE[:2])
        one.mark.write_text(mark)  # killed between the two notes
        raise KeyError
    with pytest.raises(KeyError), WellStream(path, HELD, resume=True) as two:
        assert (two.done, two.grown) == (2, 0)
        raise KeyError


def test_a_part_is_begun_anew_if_that_is_asked_for(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(KeyError), WellStream(path, HELD, resume=True) as one:
        one.append(FRAMES[:2], TABLE[:2])
        raise KeyError
    with pytest.raises(KeyError), WellStream(path, HELD, resume=True, again=True) as two:
        assert two.done == 0
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_the_first_frame_has_its_time_and_the_step_is_read_back(tmp_path):
    import h5py

    path = streamed(tmp_path / "a.h5", (7,), first=1.5)
    with h5py.File(path) as file:
        np.testing.assert_allclose(file["dimensions/time"], 1.5 + 0.25 * np.arange(7))
    assert opened(path).contents.dt == pytest.approx(0.25, rel=1e-12)


def test_one_frame_of_a_result_is_read_by_place(tmp_path):
    read = reader(streamed(tmp_path / "a.h5", (7,)), HELD)
    np.testing.assert_array_equal(read(3, 2, 3), FRAMES[3, 2:3])


def test_a_text_that_is_added_stands_in_the_file(tmp_path):
    with WellStream(tmp_path / "a.h5", HELD) as one:
        one.append(FRAMES, TABLE)
        one.attribute("note", "blew up")
    held = opened(tmp_path / "a.h5")
    assert held.told()["note"] == "blew up"
    np.testing.assert_array_equal(held.read(4, 0, 7), FRAMES[4])


WRONG = {
    "channels": (FRAMES[:, :1, :5], r"takes frames of \(6, 4, 3\)"),
    "too many frames": (np.concatenate([FRAMES, FRAMES], 1), r"frames 0 \+ 14 are more"),
    "too many trajectories": (np.concatenate([FRAMES, FRAMES]), r"trajectories 0 \+ 10"),
}


@pytest.mark.parametrize("case", WRONG)
def test_frames_that_do_not_fit_are_refused(case, tmp_path):
    frames, told = WRONG[case]
    with pytest.raises(FileError, match=told), WellStream(tmp_path / "a.h5", HELD) as one:
        one.append(frames, np.zeros((len(frames), 1)))
    assert not list(tmp_path.iterdir())


def test_constants_are_refused(tmp_path):
    with pytest.raises(FileError, match="do not vary in time"):
        WellStream(tmp_path / "a.h5", replace(HELD, constants=("wall",)))
