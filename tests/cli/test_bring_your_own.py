"""From a file of simulations to a surrogate and its pictures, with a shipped release: slow."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from the_well.utils.dummy_data import write_dummy_data

import zoo as package
from zoo.data.formats.detect import opened
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline
from zoo.pde.allen_cahn import AllenCahn
from zoo.pde.navier_stokes import NavierStokes
from zoo.pde.waves import RandomWaves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SIDE, DT, FRAMES = 2.0, 0.05, 40


def simulated(equation, **options):
    """28 trajectories of 40 frames on 32 x 32, (b, t, x, y)."""
    line = Timeline(FRAMES, DT)
    made = Trajectories(
        equation, 32, timeline=line, train=1, test=28, seed=11, side=SIDE, **options
    )
    frames = made.split("test").frames
    assert frames is not None
    return frames[:, :, 0].numpy()


def well(path, frames):
    """The Well's own writer lays the file out; its random numbers are replaced by a simulation."""
    write_dummy_data(str(path))
    with h5py.File(path, "r+") as file:
        for name in ("x", "y"):
            file["dimensions"][name][...] = np.arange(32) * SIDE / 32
        told = dict(file["dimensions/time"].attrs)
        del file["dimensions/time"], file["t1_fields/field"], file["t0_fields/constant_field"]
        file["dimensions/time"] = np.arange(FRAMES, dtype=np.float32) * DT
        file["dimensions/time"].attrs.update(told)
        del file["scalars/time_varying_scalar"]
        file["scalars"].attrs["field_names"] = ["a", "b"]
        file["t1_fields"].attrs["field_names"] = []
        file["t0_fields"].attrs["field_names"] = ["vorticity"]
        field = file.create_dataset("t0_fields/vorticity", data=frames)
        field.attrs.update(dim_varying=[True, True], sample_varying=True, time_varying=True)
        file.attrs["n_trajectories"] = len(frames)


def pdebench(path, frames):
    """PDEBench's `tensor` layout: (b, t, x, y) with a coordinate array for each axis."""
    with h5py.File(path, "w") as file:
        file["tensor"] = frames
        file["x-coordinate"] = file["y-coordinate"] = np.arange(32) * SIDE / 32
        file["t-coordinate"] = np.arange(FRAMES) * DT


CASES = {
    "well": (well, NavierStokes(), {"initial": RandomWaves(amplitude=(-2.0, 2.0))}, "vorticity"),
    "pdebench": (pdebench, AllenCahn(), {}, "u"),
}


@pytest.mark.parametrize("case", CASES)
def test_describe_adapt_predict_and_evaluate(case, zoo, here):
    write, equation, options, channel = CASES[case]
    write(here / "mine.hdf5", simulated(equation, **options))
    rename = [] if channel == "u" else ["--rename", f"{channel}=u"]

    code, out, _ = zoo("data", "describe", "mine.hdf5")
    assert code == 0 and channel in out and "28 of 40 frames" in out and "box: 2 x 2" in out

    code, out, _ = zoo("adapt", "fno-forecast-32", "mine.hdf5", "--examples", "16", *rename)
    assert code == 0
    figures = {
        stage: json.loads(Path("runs/mine", stage, "test.json").read_text())[-1]
        for stage in ("before", "adapted", "scratch")
    }
    adapted, scratch = (figures[stage]["value"] for stage in ("adapted", "scratch"))
    assert adapted <= 0.7 * scratch
    assert adapted < figures["adapted"]["trivials"]["persistence"]
    made = package.from_pretrained("runs/mine/adapted/release")
    assert made.interface.dt == pytest.approx(DT)

    words = ("--steps", "20", "--out", "result.h5", *rename)
    code, out, _ = zoo("predict", "runs/mine/adapted/release", "mine.hdf5", *words)
    assert code == 0
    found = opened("result.h5")
    assert found.contents.frames == 20 and found.contents.trajectories == 28
    assert found.contents.dt == pytest.approx(DT)
    pictures = {path.suffix for path in here.rglob("result*/*")}
    assert {".png", ".gif"} <= pictures

    code, out, _ = zoo("evaluate", "runs/mine/adapted/release", "mine.hdf5", *rename)
    assert code == 0 and "persistence" in out
    assert list(here.rglob("scorecard.json")) and list(here.rglob("scorecard.md"))
