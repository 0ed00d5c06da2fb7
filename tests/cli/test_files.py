"""`zoo predict | evaluate | adapt | data`: files in, files out, in physical units."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

import zoo as package
from tests.cli.conftest import data, recipe, write
from zoo import release
from zoo.data.mixture import Mixture
from zoo.models.base import build

COEFFICIENTS = ("k11", "k22", "k12")


@pytest.fixture(scope="session")
def trained(tmp_path_factory, cache):
    """A release of a toy, made once."""
    from zoo.cli import main

    here = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(cache))
        path = write(here / "tiny.yaml", recipe())
        assert main(["fit", "-c", path, "--trainer.default_root_dir", str(here / "run")]) == 0
    return here / "run" / "release"


@pytest.fixture
def samples():
    """Ten samples of the data that the toy was trained on."""
    made = build(data(), object, ("zoo.data.", "zoo.pde."))
    assert isinstance(made, Mixture)
    fields = made.split("train")[0]
    arrays = {"f": fields.u[:, 0, 0].numpy(), "u": fields.y[:, 0, 0].numpy()}
    return arrays | {name: fields.p[:, i].numpy() for i, name in enumerate(COEFFICIENTS)}


def save(path, arrays):
    if path.endswith(".npz"):
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, item in arrays.items():
                file[name] = item
    return path


def read(path):
    if path.endswith(".npz"):
        return dict(np.load(path))
    with h5py.File(path) as file:
        return {name: item[()] for name, item in file.items()}


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_predictions_from_a_file_are_those_of_the_model(ending, trained, samples, zoo):
    save(f"mine.{ending}", {key: samples[key] for key in ("f", *COEFFICIENTS)})
    code, out, _ = zoo("predict", trained, f"mine.{ending}", "--chunk", "3")
    assert (code, out) == (0, f"mine-predicted.{ending}\n")
    model = package.from_pretrained(trained)
    want = model.predict(samples["f"][:, None, None], {k: samples[k] for k in COEFFICIENTS})
    found = read(f"mine-predicted.{ending}")
    assert list(found) == ["u"] and found["u"].shape == (10, 16, 16)
    np.testing.assert_allclose(found["u"], want[:, 0, 0], rtol=2e-5, atol=1e-6)


def test_one_channel_in_npy_and_coefficients_on_the_command_line(trained, samples, zoo):
    np.save("f.npy", samples["f"])
    words = [w for name in COEFFICIENTS for w in ("--coefficient", f"{name}=0.02")]
    assert zoo("predict", trained, "f.npy", "--out", "u.npz", *words)[0] == 0
    model = package.from_pretrained(trained)
    want = model.predict(samples["f"][:, None, None], dict.fromkeys(COEFFICIENTS, 0.02))
    np.testing.assert_allclose(read("u.npz")["u"], want[:, 0, 0], rtol=2e-5, atol=1e-6)


def spoil(name, item):
    return lambda arrays: {**arrays, name: item(arrays[name])}


def nan(field):
    field = field.copy()
    field[3, 0, 0] = np.nan
    return field


BAD = {
    "a NaN": (
        spoil("f", nan),
        "f in mine.npz holds 1 values that are not finite, first in sample 3",
    ),
    "no input": (lambda a: {k: v for k, v in a.items() if k != "f"}, "no array 'f'"),
    "no coefficient": (
        lambda a: {k: v for k, v in a.items() if k != "k12"},
        "no coefficient 'k12'",
    ),
    "too few axes": (spoil("f", lambda f: f[:, 0, 0]), "f in mine.npz has shape (10,)"),
    "frames": (spoil("f", lambda f: f[:, None].repeat(2, 1)), "has 2 frames; the model has 1"),
    "coefficients of other samples": (
        spoil("k11", lambda k: k[:4]),
        "k11 in mine.npz has shape (4,)",
    ),
    "complex": (spoil("f", lambda f: f + 1j), "complex"),
    "objects": (spoil("f", lambda f: np.array([None, {}])), "mine.npz is no file of plain numpy"),
    "grid too coarse": (spoil("f", lambda f: f[:, ::8, ::8]), "modes=2 needs n >="),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_and_nothing_is_written(case, trained, samples, zoo):
    change, told = BAD[case]
    np.savez("mine.npz", **change(samples))
    code, _, err = zoo("predict", trained, "mine.npz")
    assert code == 1
    assert told in err and "Traceback" not in err
    assert os.listdir() == ["mine.npz"]


WORDS = {
    "unknown coefficient": (["--coefficient", "omega=3"], 1, "no coefficient ['omega']"),
    "no number": (["--coefficient", "k11=high"], 2, "write NAME=NUMBER"),
    "a rollout of a steady model": (["--steps", "3"], 1, "the model is steady"),
    "over itself": (["--out", "mine.npz"], 1, "would overwrite its own input"),
    "another format": (["--out", "mine.csv"], 1, "write to .h5 or .npz"),
}


@pytest.mark.parametrize("case", WORDS)
def test_what_cannot_be_predicted_is_told(case, trained, samples, zoo):
    words, expected, told = WORDS[case]
    save("mine.npz", samples)
    code, _, err = zoo("predict", trained, "mine.npz", *words)
    assert code == expected and told in err


def test_evaluate_measures_every_sample_of_a_file(trained, samples, zoo):
    save("mine.h5", samples)
    code, out, _ = zoo("evaluate", trained, "mine.h5")
    assert code == 0
    assert "init_from" in out  # the recipe is printed
    told = json.loads(Path("runs/evaluate-mine/figures.json").read_text())["test"]["figures"]
    model = package.from_pretrained(trained)
    y = model.predict(samples["f"][:, None, None], {k: samples[k] for k in COEFFICIENTS})[:, 0, 0]
    norms = [np.linalg.norm(a) for a in samples["u"]]
    each = [np.linalg.norm(a - b) for a, b in zip(y, samples["u"], strict=True)]
    assert told["test/mine/relative_l2"] == pytest.approx(np.mean(np.divide(each, norms)), rel=1e-5)


def test_adapt_fine_tunes_on_a_file_and_releases(trained, samples, zoo):
    save("mine.npz", samples)
    code, out, _ = zoo("adapt", trained, "mine.npz", "--steps", "60", "--lr", "1e-2")
    assert code == 0
    assert "lr: 0.01" in out and "max_steps: 60" in out
    before, after = (
        json.loads(Path("runs/mine", name, "figures.json").read_text())["test"]["figures"]
        for name in ("before", "adapted")
    )
    assert after["test/relative_l2"] < before["test/relative_l2"]
    made = release.describe("runs/mine/adapted/release")
    assert made["lineage"][-1]["sha256"] == release.describe(trained)["sha256"]
    for name in ("data", "adapted", "scratch", "adapt"):
        assert Path("runs/mine", f"{name}.yaml").read_text() in out
    kept = yaml.safe_load(Path("runs/mine/data.yaml").read_text())
    assert kept["data"]["init_args"]["sets"][0]["class_path"] == "zoo.data.files.Files"
    table = Path("runs/mine/report/adapt.md").read_text()
    assert all(f"| {name} |" in table for name in ("before", "adapted", "scratch"))
    assert out.rstrip().endswith('model = zoo.from_pretrained("runs/mine/adapted/release")')


def test_a_file_without_the_solution_cannot_be_evaluated(trained, samples, zoo):
    save("mine.npz", {key: item for key, item in samples.items() if key != "u"})
    code, _, err = zoo("evaluate", trained, "mine.npz")
    assert code == 1 and "no array 'u'" in err


def test_exported_data_are_those_of_the_recipe(tiny, samples, zoo):
    code, out, _ = zoo("data", "export", tiny, "--split", "train", "--out", "t.npz")
    assert (code, out) == (0, "t.npz: 10 samples\n")
    found = read("t.npz")
    assert set(found) == {"f", "u", *COEFFICIENTS}
    for name, item in found.items():
        np.testing.assert_array_equal(item, samples[name])


def test_a_file_is_split_the_same_way_each_time(samples, here):
    from zoo.data.files import Files
    from zoo.models.base import Interface

    path = save("mine.npz", samples)
    face = Interface(inputs=("f",), outputs=("u",), coefficients=COEFFICIENTS)
    one, two = Files(path, face), Files(path, face)
    assert [one.count(split) for split in ("train", "validation", "test")] == [6, 2, 2]
    rows = np.concatenate(
        [one.split(s).y.numpy()[:, 0, 0] for s in ("train", "validation", "test")]
    )
    order = [int(np.argmin(np.abs(samples["u"] - row).sum((1, 2)))) for row in rows]
    assert sorted(order) == list(range(10))
    assert bool((two.split("test").y == one.split("test").y).all())
    assert one.ranges["k11"] == (samples["k11"].min(), samples["k11"].max())


SHARES = {"too much": (0.8, 0.4, 0.0), "negative": (1.2, -0.2, 0.0), "nothing": (0.0, 0.0, 0.0)}


@pytest.mark.parametrize("case", SHARES)
def test_shares_that_make_no_sense_are_refused(case, samples):
    from zoo.data.files import Files
    from zoo.models.base import Interface

    face = Interface(inputs=("f",), outputs=("u",))
    train, validation, test = SHARES[case]
    with pytest.raises(ValueError, match="add up to at most 1"):
        Files(save("mine.npz", samples), face, train=train, validation=validation, test=test)


def test_a_rollout_is_written_frame_by_frame(zoo, here):
    import torch

    from zoo.models.base import Interface
    from zoo.models.fno import FNO
    from zoo.models.parts.affine import Affine

    face = Interface(inputs=("u",), outputs=("u",), box=(2.0,), dt=0.1)
    torch.manual_seed(0)
    model = FNO(face, Affine(), width=4, modes=2, layers=1)
    package.save_pretrained(model, here / "moving")
    start = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    np.save("u.npy", start)
    words = ["--steps", "3", "--chunk", "2", "--out", "later.h5"]
    assert zoo("predict", here / "moving", "u.npy", *words)[0] == 0
    found = read("later.h5")["u"]
    assert found.shape == (5, 3, 16)
    step = start
    for frame in range(3):
        step = package.from_pretrained(here / "moving").predict(step[:, None, None])[:, 0, 0]
        np.testing.assert_allclose(found[:, frame], step, rtol=1e-4, atol=1e-5)
