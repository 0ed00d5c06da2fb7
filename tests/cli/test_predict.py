"""`zoo predict` of trajectories: rollouts in physical units, streamed and resumed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from the_well.data import WellDataset

import zoo as package
from tests.cli.conftest import environment
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import Contents
from zoo.data.formats.well_stream import WellStream
from zoo.data.formats.well_writer import WellWriter
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine

GRID, BOX, DT = (8, 6), (2.0, 1.5), 0.1
CHANNELS = ("velocity_x", "velocity_y")


def released(path, *, history=2, horizon=1, offset=1, gain=1.0, **more):
    """A net of two velocities, a wall that stays and a viscosity; random, but not wild."""
    units = {"velocity_x": "m/s", "velocity_y": "m/s", "wall": "1", "nu": "m^2/s"}
    face = Interface(
        (*CHANNELS, "wall"), CHANNELS, ("nu",), units, BOX, dt=DT, history=history,
        horizon=horizon, offset=offset,
    )  # fmt: skip
    torch.manual_seed(0)
    model = FNO(face, Affine(), width=4, modes=2, layers=1)
    with torch.no_grad():
        model.output.weight *= gain
    return package.save_pretrained(model, path, **more)


def contents(frames, trajectories=5, constants=("wall",), **more):
    told = {
        "path": Path("mine.h5"), "layout": "The Well", "channels": CHANNELS,
        "constants": constants, "coefficients": ("nu",), "shape": GRID, "frames": frames,
        "trajectories": trajectories, "box": BOX, "boundary": "periodic", "dt": DT,
        "units": {"velocity_x": "m/s", "velocity_y": "m/s", "nu": "m^2/s"},
    }  # fmt: skip
    return Contents(**{**told, **more})


def recorded(path, frames=7, trajectories=5, change=None, **more):
    """A file of trajectories in The Well's format, and what is in it."""
    held = contents(frames, trajectories, **more)
    rng = np.random.default_rng(1)
    fields = rng.normal(size=(trajectories, frames, 3, *GRID)).astype(np.float32)
    fields[:, :, 2] = fields[:, :1, 2]
    if change is not None:
        change(fields)
    p = np.linspace(0.1, 0.5, trajectories)[:, None]
    with WellWriter(path, held) as writer:
        writer.add(fields, p)
    return fields, p


def rolled(folder, fields, p, steps, start=0):
    """The rollout by hand: frame by frame, the wall carried along."""
    model = package.from_pretrained(folder)
    want = model.interface
    u, found = torch.as_tensor(fields[:, start : start + want.history]), []
    with torch.no_grad():
        while sum(y.shape[1] for y in found) < steps:
            y = model(u, torch.as_tensor(p).float())
            found.append(y)
            wall = u[:, :1, 2:].expand(-1, y.shape[1], -1, -1, -1)
            u = torch.cat([u, torch.cat([y, wall], 2)], 1)[:, -want.history :]
    return torch.cat(found, 1)[:, :steps].numpy()


def frames_of(path):
    recording = opened(path)
    held = recording.contents
    every = [recording.read(i, 0, held.frames) for i in range(held.trajectories)]
    recording.close()
    return np.stack(every), held


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    return released(tmp_path_factory.mktemp("moving") / "moving")


def inside(path):
    """Every array and attribute of a file; its bytes also hold the time of writing."""
    found = {}
    with h5py.File(path) as file:
        found.update({name: repr(value) for name, value in file.attrs.items()})

        def look(name, item):
            found.update({f"{name}.{key}": repr(value) for key, value in item.attrs.items()})
            if isinstance(item, h5py.Dataset):
                found[name] = item[()].tobytes()

        file.visititems(look)
    return found


def plain(*words):
    return (*words, "--no-pictures")


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


def spoiled(fields):
    fields[3, 1, 0, 2, 4] = np.nan


def many(fields):
    fields[:] = 0


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


class Killed(Exception):
    pass


@pytest.mark.parametrize("calls", [1, 3, 5, 7])
def test_what_was_stopped_goes_on_and_gives_the_same_bytes(calls, moving, zoo, here, monkeypatch):
    recorded("mine.h5")
    words = plain("predict", moving, "mine.h5", "--batch", "2")
    assert zoo(*words, "--out", "whole/result.h5")[0] == 0
    append, count = WellStream.append, iter(range(100))

    def stopped(self, *given):
        if next(count) == calls:
            raise Killed
        append(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(WellStream, "append", stopped)
        with pytest.raises(Killed):
            zoo(*words, "--out", "part/result.h5")
    assert not Path("part/result.h5").exists()
    applied, forward = [], FNO.forward
    monkeypatch.setattr(
        FNO, "forward", lambda self, *given: applied.append(1) or forward(self, *given)
    )
    assert zoo(*words, "--out", "part/result.h5")[0] == 0
    # three batches of five frames, of which so many had been written
    assert len(applied) == 15 - calls
    assert inside("part/result.h5") == inside("whole/result.h5")
    assert os.listdir("part") == ["result.h5"]


KILL = """
import os, signal, sys
from zoo.cli import main
from zoo.data.formats.well_stream import WellStream
append, count = WellStream.append, iter(range(100))
def stopped(self, *given):
    if next(count) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    append(self, *given)
WellStream.append = stopped
main(sys.argv[1:])
"""


def test_a_killed_process_leaves_what_the_next_one_goes_on_with(moving, zoo, here):
    recorded("mine.h5")
    words = plain("predict", str(moving), "mine.h5", "--batch", "2")
    killed = subprocess.run(
        [sys.executable, "-c", KILL, *words], env=environment(), timeout=120, check=False
    )
    assert killed.returncode == -9 and not Path("mine-predicted.h5").exists()
    assert zoo(*words)[0] == 0
    resumed = inside("mine-predicted.h5")
    assert zoo(*words, "--again")[0] == 0
    assert inside("mine-predicted.h5") == resumed
    assert sorted(os.listdir()) == ["mine-predicted.h5", "mine.h5"]


def test_a_result_that_is_there_is_not_made_twice(moving, zoo, here):
    recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5"))[0] == 0
    stamp = Path("mine-predicted.h5").stat().st_mtime_ns
    code, _, err = zoo(*plain("predict", moving, "mine.h5"))
    assert code == 0 and "is complete already; --again makes it anew" in err
    assert Path("mine-predicted.h5").stat().st_mtime_ns == stamp


def test_another_result_is_not_overwritten_unless_told_to(moving, zoo, here):
    recorded("mine.h5")
    assert zoo(*plain("predict", moving, "mine.h5"))[0] == 0
    code, _, err = zoo(*plain("predict", moving, "mine.h5", "--steps", "2"))
    assert code == 1 and "is another result (zoo_steps is 5, not 2)" in err
    assert zoo(*plain("predict", moving, "mine.h5", "--steps", "2", "--again"))[0] == 0
    assert frames_of("mine-predicted.h5")[1].frames == 2


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
