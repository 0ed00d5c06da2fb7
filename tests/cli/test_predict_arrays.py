"""`zoo predict` of plain arrays, one for each channel by name, with the frames that go in."""

import os

import numpy as np
import pytest

from tests.cli.conftest import recipe, write
from tests.cli.moving import CHANNELS, GRID, frames_of, released, rolled
from zoo import release
from zoo.cli import main


def arrays(samples=5, history=2):
    rng = np.random.default_rng(2)
    fields = rng.normal(size=(samples, history, 3, *GRID)).astype(np.float32)
    fields[:, :, 2] = fields[:, :1, 2]
    p = np.linspace(0.1, 0.5, samples)
    named = dict(zip((*CHANNELS, "wall"), np.moveaxis(fields, 2, 0), strict=True))
    return fields, p, {**named, "nu": p}


@pytest.mark.parametrize("horizon", [1, 3])
def test_steps_are_frames_whatever_the_horizon(horizon, zoo, here):
    folder = released("moving", horizon=horizon)
    fields, p, named = arrays()
    np.savez("mine.npz", **named)
    assert zoo("predict", folder, "mine.npz", "--steps", "4")[:2] == (0, "mine-predicted.npz\n")
    found = np.load("mine-predicted.npz")
    want = rolled(folder, fields, p[:, None], 4)
    for c, name in enumerate(CHANNELS):
        np.testing.assert_allclose(found[name], want[:, :, c], rtol=1e-4, atol=1e-5)


def test_arrays_with_more_frames_than_go_in_need_a_layout(zoo, here):
    np.savez("mine.npz", **arrays(history=5)[2])
    code, _, err = zoo("predict", released("moving"), "mine.npz")
    assert code == 1 and "has no layout that the zoo knows" in err and "--layout" in err


def test_a_layout_makes_them_trajectories(zoo, here):
    fields, p, named = arrays(history=5)
    np.savez("mine.npz", **named)
    layout = {
        "axes": ["trajectory", "time", "x", "y"],
        "channels": [*CHANNELS, "wall"],
        "coefficients": ["nu"],
        "box": [2.0, 1.5],
        "dt": 0.1,
    }
    write("mine.npz.yaml", layout)
    folder = released("moving")
    code, out, err = zoo("predict", folder, "mine.npz", "--no-pictures")
    assert (code, out) == (0, "mine-predicted.h5\n"), err
    want = rolled(folder, fields, p[:, None], 3)
    np.testing.assert_allclose(frames_of("mine-predicted.h5")[0], want, rtol=1e-4, atol=1e-5)


def test_a_fit_stores_its_inputs_and_a_steady_prediction_is_held_against_them(zoo, tiny, here):
    content = recipe(epochs=1)
    assert main(["fit", "-c", write("one.yaml", content), "--trainer.default_root_dir", "run"]) == 0
    seen = release.describe("run/release")["training_inputs"]["systems"]["poisson"]
    assert seen["samples"] == 10 and set(seen["coefficients"]) == {"k11", "k22", "k12"}
    x = np.arange(16) / 16
    f = np.sin(2 * np.pi * x)[:, None] * np.cos(10 * np.pi * x) * np.ones((2, 1, 1))
    np.savez("mine.npz", f=f, u=f, k11=0.05, k22=0.05, k12=9.0)
    code, _, err = zoo("predict", "run/release", "mine.npz", "--pictures")
    assert code == 0
    assert "outside of the training: k12 is 9 in sample 0" in err and "of that range above" in err
    assert sorted(os.listdir("mine-predicted")) == ["error.png", "frames-u.png", "spectrum.png"]
