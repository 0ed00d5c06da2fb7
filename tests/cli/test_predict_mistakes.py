"""`zoo predict` of what cannot be predicted: told, and nothing is left."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.cli.moving import plain, recorded, released
from zoo.data.formats.well_stream import WellStream


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    return released(tmp_path_factory.mktemp("moving") / "moving")


def spoiled(fields):
    fields[3, 1, 0, 2, 4] = np.nan


BAD = {
    "a NaN": (
        {"change": spoiled},
        [],
        "velocity_x is nan in trajectory 3, frame 1, point (2, 4)",
    ),
    "too few frames": ({}, ["--start", "6"], "the 2 frames that go in need 8: lower --start"),
    "none after": ({}, ["--start", "5"], "none after the 2 that go in from start=5"),
    "start before": ({}, ["--start", "-1"], "frames are counted from 0"),
    "no batch": ({}, ["--batch", "0"], "batch=0: at least 1"),
    "no such coefficient": ({}, ["--coefficient", "mu=1"], "no coefficient ['mu']"),
    "a coefficient is missing": (
        {"coefficients": ("mu",), "units": {}},
        [],
        "has no coefficient 'nu'; it has []: give --coefficient nu=VALUE",
    ),
    "to another format": ({}, ["--out", "result.npz"], "trajectories are written to .h5"),
    "over itself": ({}, ["--out", "mine.h5"], "would overwrite its own input"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_and_nothing_is_written(case, moving, zoo, here):
    more, words, told = BAD[case]
    recorded("mine.h5", **more)
    before = Path("mine.h5").read_bytes()
    code, _, err = zoo(*plain("predict", moving, "mine.h5", *words))
    assert code == 1 and told in err and "Traceback" not in err
    assert os.listdir() == ["mine.h5"] and Path("mine.h5").read_bytes() == before


def test_a_nan_that_does_not_go_in_does_no_harm(moving, zoo, here):
    recorded("mine.h5", change=spoiled)
    assert zoo(*plain("predict", moving, "mine.h5", "--start", "2"))[0] == 0


def test_a_disk_too_small_is_refused_before_anything_is_written(moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    usage = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    # 5 trajectories of 5 frames of 2 channels
    assert code == 1 and "9600 bytes" in err and "1000" in err
    assert os.listdir() == ["mine.h5"]


@pytest.mark.parametrize("frame", [0, 3])
def test_a_disk_that_becomes_full_leaves_no_result(frame, moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    grow = WellStream._grow

    def full(self, *given):
        if self.grown == frame:
            raise OSError(errno.ENOSPC, "No space left on device")
        grow(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(WellStream, "_grow", full)
        code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 1 and "the disk is full: mine-predicted.h5 needs 9600 bytes in all" in err
    assert not Path("mine-predicted.h5").exists()
    # what was written is gone on with, once there is room
    assert (os.listdir() == ["mine.h5"]) is (frame == 0)
    assert zoo(*plain("predict", moving, "mine.h5"))[0] == 0
    assert sorted(os.listdir()) == ["mine-predicted.h5", "mine.h5"]


def test_a_grid_too_small_for_the_modes_leaves_nothing(moving, zoo, here):
    recorded("mine.h5", shape=(2, 6))
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 1 and "modes=2 needs n >= 4, got n=2" in err
    assert os.listdir() == ["mine.h5"]


def test_a_file_that_is_none_is_told(moving, zoo, here):
    Path("mine.h5").write_text("no HDF5 at all")
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 1 and "mine.h5 is not HDF5" in err


def test_a_function_of_points_predicts_no_fields(zoo, here):
    recorded("mine.h5")
    code, _, err = zoo("predict", "derl-pendulum", "mine.h5")
    assert code == 1 and "no map from fields to fields" in err
