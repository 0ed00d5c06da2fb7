"""`zoo adapt`: a released forecaster and a file of trajectories, matched by channel and unit."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml

import zoo as package
from zoo import matching, release
from zoo.data.formats.recording import Told
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.models.operator import Interface
from zoo.models.parts.affine import Affine

FACE = Interface(("u",), ("u",), units={"u": "m"}, box=(2.0, 2.0), dt=0.1, history=2)
SHORT = ("--steps", "4", "--no-scratch")


@pytest.fixture
def base(here):
    torch.manual_seed(0)
    net = FNO(FACE, Affine(), width=8, modes=3, layers=2)
    return package.save_pretrained(net, here / "base")


@pytest.fixture
def file(here):
    return pdebench(here / "mine.h5")


def pdebench(path, n=16, frames=6, dt=0.1, side=2.0, count=10):
    """Plane waves that move, in PDEBench's tensor layout (b, t, x, y)."""
    x = np.arange(n) * side / n
    t = np.arange(frames) * dt
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, count)[:, None, None, None]
    k = np.pi * (x[:, None] + x[None, :]) - t[:, None, None]
    with h5py.File(path, "w") as out:
        out["tensor"] = np.sin(k[None] + phase).astype(np.float32)
        out["x-coordinate"], out["y-coordinate"], out["t-coordinate"] = x, x, t
    return path


def told(path, stage="adapted"):
    return yaml.safe_load(Path("runs", path, f"{stage}.yaml").read_text())


def test_the_line_at_the_end_loads_what_was_adapted(base, file, zoo):
    code, out, _ = zoo("adapt", base, file, *SHORT)
    assert code == 0
    line = out.rstrip().splitlines()[-1]
    assert line == 'model = zoo.from_pretrained("runs/mine/adapted/release")'
    model = package.from_pretrained("runs/mine/adapted/release")
    assert model.predict(np.zeros((1, 2, 1, 16, 16))).shape == (1, 1, 1, 16, 16)
    assert release.describe("runs/mine/adapted/release")["lineage"][-1]["name"] == "base"


def test_the_same_command_again_repeats_nothing(base, file, zoo):
    zoo("adapt", base, file, *SHORT)
    stamp = Path("runs/mine/adapted/release/model.safetensors").stat().st_mtime_ns
    _, out, _ = zoo("adapt", base, file, *SHORT)
    assert "adapted: done before" in out
    assert Path("runs/mine/adapted/release/model.safetensors").stat().st_mtime_ns == stamp


def test_a_scratch_run_has_the_same_net_and_steps(base, file, zoo):
    zoo("adapt", base, file, "--steps", "4")
    adapted, scratch = told("mine"), told("mine", "scratch")
    assert adapted["trainer"] == scratch["trainer"]
    given = release.describe(base)["model"]["init_args"]
    assert scratch["model"]["net"]["init_args"].items() <= given.items()
    table = Path("runs/mine/report/adapt.md").read_text()
    assert "| scratch |" in table and "persistence" in table


def test_examples_limit_the_training_set(base, file, zoo):
    zoo("adapt", base, file, *SHORT, "--examples", "3")
    assert told("mine", "data")["data"]["init_args"]["limit"] == 3
    code, _, err = zoo("adapt", base, file, *SHORT, "--examples", "7")
    assert code == 2 and "of which 6 are for training" in err


def test_frozen_parts_stay_as_they_are(base, file, zoo):
    assert zoo("adapt", base, file, *SHORT, "--freeze", "body")[0] == 0
    old, new = (
        package.from_pretrained(x).state_dict() for x in (base, "runs/mine/adapted/release")
    )
    assert torch.equal(old["spectral.0.weight"], new["spectral.0.weight"])
    assert not torch.equal(old["output.weight"], new["output.weight"])


def test_low_rank_changes_are_merged_into_a_plain_release(base, file, zoo):
    assert zoo("adapt", base, file, *SHORT, "--lora", "2")[0] == 0
    old, new = (
        package.from_pretrained(x).state_dict() for x in (base, "runs/mine/adapted/release")
    )
    assert old.keys() == new.keys()
    assert not torch.equal(old["spectral.0.weight"], new["spectral.0.weight"])


def test_a_longer_history_is_adapted_frame_by_frame(base, file, zoo):
    code, out, _ = zoo("adapt", base, file, *SHORT, "--history", "3")
    assert code == 0 and "history 2 -> 3" in out
    made = release.describe("runs/mine/adapted/release")["model"]["init_args"]["interface"]
    assert made["history"] == 3


def test_fewer_modes_are_taken_where_the_grid_holds_no_more(base, here, zoo):
    code, out, _ = zoo("adapt", base, pdebench(here / "coarse.h5", n=4), *SHORT)
    assert code == 0 and "modes is set to [2, 2]" in out
    assert told("coarse")["model"]["tuning"]["change"] == {"modes": [2, 2]}


def test_what_differs_between_file_and_model_is_told(base, here):
    found = matching.match(FACE, pdebench(here / "a.h5", dt=0.2, side=4.0), Told(boundary="wall"))
    notes = " ".join(found.notes)
    assert "time step 0.2" in notes and "box (4.0, 4.0)" in notes and "boundary wall" in notes
    assert found.told.dt == pytest.approx(0.2) and found.told.boundary == "wall"


def test_a_silent_file_takes_the_models_units_and_says_so(file):
    found = matching.match(FACE, file)
    assert found.told.units == {"u": "m"} and any("no unit of u" in one for one in found.notes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rename", "u=v"), "none is shared"),
        (("--unit", "u=km"), "'km'"),
        (("--history", "6"), "6 frames"),
        (("--rename", "w=u"), "w"),
        (("--dt", "0"), "--dt 0"),
        (("--unit", "u"), "with = between"),
        (("--steps", "0"), "--steps 0"),
        (("--freeze", "bodi"), "body"),
        (("--model.schedul", "linear"), "schedule"),
    ],
)
def test_what_cannot_be_adapted_is_told(words, message, base, file, zoo):
    code, _, err = zoo("adapt", base, file, *SHORT, *words)
    assert code in (1, 2) and message in err and len(err.splitlines()) <= 6


def test_a_file_of_another_dimension_is_refused(base, here, zoo):
    with h5py.File(here / "line.h5", "w") as out:
        out["tensor"] = np.zeros((4, 5, 16), np.float32)
        out["x-coordinate"], out["t-coordinate"] = np.arange(16) / 8, np.arange(5) / 10
    code, _, err = zoo("adapt", base, here / "line.h5", *SHORT)
    assert code == 2 and "1 space axes" in err and "the model has 2" in err


def test_too_few_trajectories_are_refused(base, here, zoo):
    code, _, err = zoo("adapt", base, pdebench(here / "few.h5", count=4), *SHORT)
    assert code == 2 and "has 4 trajectories; at least 5" in err


def test_a_function_of_points_is_no_map_of_fields(file, here, zoo):
    place = package.save_pretrained(MLP(**MLP.tiny()), here / "points")
    code, _, err = zoo("adapt", place, file, *SHORT)
    assert code == 2 and "is a MLP, no map from fields to fields" in err
