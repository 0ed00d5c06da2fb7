import errno
import pickle
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from the_well.data import WellDataset

from zoo.data.formats import well_writer
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents, FileError
from zoo.data.formats.well_writer import WellWriter

B, T, N = 3, 6, 8
HELD = Contents(
    path=Path("burgers.h5"),
    layout="The Well",
    channels=("velocity_x", "p", "velocity_y"),
    constants=("wall",),
    coefficients=("nu", "gamma"),
    shape=(N, N),
    trajectories=B,
    frames=T,
    box=(1.0, 0.7),
    boundary="x wall/open, y periodic",
    dt=0.3,
    units={"velocity_x": "m/s", "velocity_y": "m/s", "p": "Pa", "nu": "m^2/s"},
    origin=(-0.5, 0.25),
)
KILLED = """
import os, pickle, sys
from zoo.data.formats.well_writer import WellWriter
held, frames, table, path = pickle.load(sys.stdin.buffer)
with WellWriter(path, held, resume=True) as writer:
    writer.add(frames[:2], table[:2])
    os._exit(9)
"""


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


FRAMES = noise(B, T, 4, N, N)
FRAMES[:, :, 3] = FRAMES[:, :1, 3]
TABLE = np.random.default_rng(1).standard_normal((B, 2))


def written(path, held=HELD, frames=FRAMES, table=TABLE, **options):
    with WellWriter(path, held, **options) as writer:
        for i in range(writer.done, len(frames)):
            writer.add(frames[i : i + 1], table[i : i + 1])
    return path


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "a.h5", attributes={"seed": 3, "command": "zoo predict"})


def files(folder):
    return sorted(one.name for one in folder.iterdir())


def test_what_is_written_is_read_back_equal(path):
    found = opened(path)
    for i in range(B):
        assert np.array_equal(found.read(i, 0, T), FRAMES[i])
    assert np.array_equal(found.coefficients(), TABLE)


def test_the_description_comes_back_whole(path):
    held = opened(path).contents
    assert held.box == pytest.approx(HELD.box, rel=1e-12)
    assert held.origin == pytest.approx(HELD.origin, rel=1e-12)
    assert held.dt == pytest.approx(HELD.dt, rel=1e-12)
    assert held == replace(HELD, path=path, box=held.box, origin=held.origin, dt=held.dt)


def test_attributes_are_told(path):
    assert opened(path).told()["seed"] == 3
    assert opened(path).told()["command"] == "zoo predict"


def test_the_wells_own_data_set_reads_it_back_equal(path):
    theirs = WellDataset(path=str(path.parent), n_steps_input=4, n_steps_output=1)
    sample = theirs[3]
    assert theirs.metadata.field_names[1] == ["velocity_x", "velocity_y"]
    whole = np.concatenate([sample["input_fields"], sample["output_fields"]])
    assert np.array_equal(np.moveaxis(whole, -1, 1), FRAMES[1, 1:6, [1, 0, 2]].swapaxes(0, 1))
    assert np.array_equal(sample["constant_fields"][..., 0], FRAMES[1, 0, 3])
    assert sample["constant_scalars"].tolist() == TABLE[1].tolist()


def test_the_wells_own_data_set_sees_the_sides(path):
    theirs = WellDataset(path=str(path.parent), n_steps_input=4, n_steps_output=1)
    assert theirs[0]["boundary_conditions"].tolist() == [[0.0, 1.0], [2.0, 2.0]]


def test_the_wells_own_data_set_sees_the_grid(path):
    grid = WellDataset(path=str(path.parent), n_steps_input=4, n_steps_output=1)[0]["space_grid"]
    assert grid[0, 0].tolist() == pytest.approx([-0.5, 0.25])
    assert grid[1, 1].tolist() == pytest.approx([-0.5 + 1 / N, 0.25 + 0.7 / N])


@pytest.mark.parametrize(
    ("channels", "group"),
    [
        (("s_xx", "s_xy", "s_yx", "s_yy"), "t2_fields/s"),
        (("s_yy", "s_xy", "s_xx"), "t2_fields/s"),
        (("s_xx", "s_xy"), "t0_fields/s_xy"),
        (("s_y", "s_x"), "t1_fields/s"),
        (("s_x", "s"), "t0_fields/s_x"),
    ],
)
def test_components_are_gathered_where_they_are_complete(tmp_path, channels, group):
    held = replace(HELD, channels=channels, constants=(), units={}, coefficients=())
    frames = noise(B, T, len(channels), N, N)
    path = written(tmp_path / "a.h5", held, frames, np.zeros((B, 0)))
    with h5py.File(path) as file:
        assert group in file
    assert opened(path).contents.channels == channels
    assert np.array_equal(opened(path).read(1, 0, T), frames[1])


def test_a_box_and_a_time_step_that_are_not_known_stay_unknown(tmp_path):
    held = replace(HELD, box=None, origin=None, dt=None, boundary=None)
    found = opened(written(tmp_path / "a.h5", held)).contents
    assert (found.box, found.origin, found.dt, found.boundary) == (None, None, None, None)


def test_a_word_that_the_well_does_not_know_comes_back(tmp_path):
    path = written(tmp_path / "a.h5", replace(HELD, boundary="dirichlet"))
    assert opened(path).contents.boundary == "dirichlet"
    theirs = WellDataset(path=str(tmp_path), n_steps_input=4, n_steps_output=1)
    assert theirs[0]["boundary_conditions"].tolist() == [[0.0, 0.0]] * 2


def test_nothing_lies_under_the_name_before_the_last_trajectory(tmp_path):
    with WellWriter(tmp_path / "a.h5", HELD) as writer:
        writer.add(FRAMES[:2], TABLE[:2])
        assert not (tmp_path / "a.h5").exists()
        writer.add(FRAMES[2:], TABLE[2:])
    assert files(tmp_path) == ["a.h5"]


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path):
    path = tmp_path / "a.h5"
    sent = pickle.dumps((HELD, FRAMES, TABLE, path))
    assert subprocess.run([sys.executable, "-c", KILLED], input=sent).returncode == 9
    assert not path.exists()
    with WellWriter(path, HELD, resume=True) as writer:
        assert writer.done == 2
        writer.add(FRAMES[2:], TABLE[2:])
    assert files(tmp_path) == ["a.h5"]
    assert np.array_equal(opened(path).read(0, 0, T), FRAMES[0])
    assert np.array_equal(opened(path).read(2, 0, T), FRAMES[2])
    assert np.array_equal(opened(path).coefficients(), TABLE)


def failed(path, error=KeyboardInterrupt, **options):
    with pytest.raises(error), WellWriter(path, HELD, **options) as writer:
        writer.add(FRAMES[:1], TABLE[:1])
        raise error


def test_a_run_that_fails_without_resume_leaves_nothing(tmp_path):
    failed(tmp_path / "a.h5")
    assert files(tmp_path) == []


def test_a_part_of_another_run_is_refused(tmp_path):
    failed(tmp_path / "a.h5", resume=True)
    with pytest.raises(FileError, match=r"was begun with dt 0.3, this run has 0.5; delete it"):
        written(tmp_path / "a.h5", replace(HELD, dt=0.5), resume=True)
    with pytest.raises(FileError, match="was begun with attributes"):
        written(tmp_path / "a.h5", resume=True, attributes={"seed": 2})


def test_a_part_is_started_anew_without_resume(tmp_path):
    failed(tmp_path / "a.h5", resume=True)
    found = opened(written(tmp_path / "a.h5", replace(HELD, dt=0.5)))
    assert found.contents.dt == 0.5
    assert np.array_equal(found.read(0, 0, T), FRAMES[0])


def test_a_part_that_cannot_be_read_is_started_anew(tmp_path):
    failed(tmp_path / "a.h5", resume=True)
    (tmp_path / ".a.h5.part").write_bytes(b"")
    assert np.array_equal(opened(written(tmp_path / "a.h5", resume=True)).read(0, 0, T), FRAMES[0])


def test_an_older_file_stays_until_the_new_one_is_complete(path):
    failed(path)
    assert np.array_equal(opened(path).read(0, 0, T), FRAMES[0])


def test_too_few_trajectories_are_told_and_leave_no_file(tmp_path):
    with pytest.raises(FileError, match="got 2 of 3 trajectories"):
        written(tmp_path / "a.h5", frames=FRAMES[:2])
    assert files(tmp_path) == []


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(well_writer.shutil, "disk_usage", lambda _: usage(100))
    needed = 4 * B * N * N * (3 * T + 1)
    with pytest.raises(FileError, match=rf"a\.h5 needs {needed} bytes in all, 100 are free"):
        written(tmp_path / "a.h5")
    assert files(tmp_path) == []


class Full:
    """A file on a disk that is full, /dev/full without its device."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("resume", [False, True])
def test_a_disk_that_fills_up_is_told_and_leaves_nothing_half_written(tmp_path, resume):
    path = tmp_path / "a.h5"
    with (
        pytest.raises(FileError, match=rf"disk is full: .*a\.h5 needs {4 * B * N * N * 19} bytes"),
        WellWriter(path, HELD, resume=resume) as writer,
    ):
        writer.add(FRAMES[:1], TABLE[:1])
        writer._file = Full(writer._file)
        writer.add(FRAMES[1:], TABLE[1:])
    assert not path.exists()
    assert files(tmp_path) == ([".a.h5.part", ".a.h5.part.json"] if resume else [])
    assert np.array_equal(opened(written(path, resume=resume)).read(2, 0, T), FRAMES[2])


def test_a_second_run_to_the_same_file_is_refused(tmp_path):
    with pytest.raises(FileError, match="1 of 3"), WellWriter(tmp_path / "a.h5", HELD) as writer:
        writer.add(FRAMES[:1], TABLE[:1])
        with pytest.raises(FileError, match="is being written by another run"):
            written(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("frames", "table", "error"),
    [
        (FRAMES[:, :, :3], TABLE, r"takes trajectories \(6, 4, 8, 8\)"),
        (FRAMES[:, :5], TABLE, r"got \(3, 5, 4, 8, 8\)"),
        (FRAMES[:0], TABLE[:0], "at least one"),
        (FRAMES, None, r"coefficients of shape \(3, 0\); it takes 3 times \['nu', 'gamma'\]"),
        (np.concatenate([FRAMES, FRAMES]), TABLE, "0 [+] 6 trajectories are more than the 3"),
    ],
)
def test_frames_that_do_not_fit_are_refused(tmp_path, frames, table, error):
    with pytest.raises(FileError, match=error), WellWriter(tmp_path / "a.h5", HELD) as writer:
        writer.add(frames, table)
    assert files(tmp_path) == []


def test_a_name_with_a_slash_is_refused(tmp_path):
    with pytest.raises(FileError, match="'a/b' has a '/'"):
        WellWriter(tmp_path / "a.h5", replace(HELD, channels=("a/b",)))


def test_a_file_of_one_axis_is_read_back(tmp_path):
    held = replace(HELD, channels=("u",), constants=(), coefficients=(), units={}, shape=(N,))
    held = replace(held, box=(2.0,), origin=(0.0,), boundary="periodic")
    path = written(tmp_path / "a.h5", held, noise(B, T, 1, N), np.zeros((B, 0)))
    assert opened(path).contents.boundary == "periodic"
    assert np.array_equal(opened(path).read(1, 0, T), noise(B, T, 1, N)[1])
