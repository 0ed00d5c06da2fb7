"""`zoo fit` on a file of simulations: a recipe in YAML, constants among the inputs, rollouts."""

import json
from pathlib import Path

import numpy as np
import pytest

import zoo as package
from tests.cli.conftest import recipe, write
from zoo import release
from zoo.data.formats.recording import Contents, Told
from zoo.data.formats.well_writer import WellWriter
from zoo.data.recorded import Recorded

RECORDED = {
    "path": "mine.h5",
    "told": {"rename": {"h": "height"}, "box": [1.0, 2.0], "units": {"height": "m"}},
    "clips": {"span": 6, "every": 2, "stride": 2},
}


@pytest.fixture(scope="module")
def frames():
    """Six trajectories of two channels that shrink, and a constant field."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 1, 3, 8, 8)).repeat(16, 1).astype(np.float32)
    values[:, :, :2] *= 0.9 ** np.arange(16, dtype=np.float32)[None, :, None, None, None]
    return values


@pytest.fixture
def fitted(here, frames, zoo):
    """The folder of a short fit; call it with changes of the data set's arguments."""

    def fit(**changes):
        contents = Contents(
            path=Path("mine.h5"),
            layout="The Well",
            channels=("h", "v"),
            constants=("ground",),
            shape=(8, 8),
            trajectories=6,
            frames=16,
            dt=0.5,
            boundary="periodic",
        )
        with WellWriter("mine.h5", contents) as writer:
            writer.add(frames)
        sets = [{"class_path": "zoo.data.recorded.Recorded", "init_args": {**RECORDED, **changes}}]
        window = {"history": 2, "start": "random", "evaluate": 3}
        arguments = {"sets": sets, "batch_size": 3, "window": window}
        mixture = {"class_path": "zoo.data.mixture.Mixture", "init_args": arguments}
        affine = {"class_path": "zoo.models.parts.affine.Affine"}
        made = {"normaliser": affine, "width": 4, "modes": 2, "layers": 1}
        model = {
            "net": {"class_path": "zoo.models.fno.FNO", "init_args": made},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-2}},
        }
        write("it.yaml", recipe(data=mixture, model=model))
        return zoo("fit", "-c", "it.yaml", "--trainer.default_root_dir", "run")

    return fit


def test_a_release_of_a_file_knows_its_channels_its_step_and_persistence(fitted):
    code, _, err = fitted()
    assert code == 0, err
    face = release.describe("run/release")["model"]["init_args"]["interface"]
    assert (face["inputs"], face["outputs"]) == (["height", "v", "ground"], ["height", "v"])
    assert (face["dt"], face["box"], face["units"]["height"]) == (1.0, [1.0, 2.0], "m")
    entries = json.loads(Path("run/release/metrics.json").read_text())
    own = next(e for e in entries if e["name"].startswith("validation/"))
    # frames after 1, 2 and 3 steps of 0.9^2 from the last one that went in
    left = [0.81, 0.81**2, 0.81**3]
    want = np.sqrt(sum((1 - x) ** 2 for x in left) / sum(x**2 for x in left))
    assert own["trivials"]["persistence"] == pytest.approx(want, rel=1e-4)
    assert own["data"]["init_args"]["sets"][0]["init_args"]["clips"]["every"] == 2


def test_a_normaliser_holds_the_moments_of_the_first_windows(fitted, frames):
    assert fitted()[0] == 0
    filled = package.from_pretrained("run/release").normaliser
    # clips begin at the frames 0 and 4 of the file, whose next is two further
    mine = Recorded("mine.h5", told=Told(box=(1.0, 2.0))).trajectories("train")
    first = frames[mine][:, [0, 2, 4, 6]].astype(np.float64)
    mean, spread = first.mean((0, 1, 3, 4)), first.std((0, 1, 3, 4))
    np.testing.assert_allclose(filled.inputs_mean, mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(filled.inputs_std, spread, rtol=1e-5)


def test_a_bad_frame_stops_a_fit_before_it_begins(fitted, frames):
    good = frames[4, 6, 1, 0, 0]
    frames[4, 6, 1, 0, 0] = np.nan
    code, _, err = fitted()
    frames[4, 6, 1, 0, 0] = good
    assert code == 1 and "trajectory 4, frame 6" in err and not Path("run/release").exists()
