"""`zoo evaluate MODEL FILE`: recipe, scorecard, pictures and the release's figures."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import zoo as package
from zoo import release
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.box import Box
from zoo.pde.burgers import Burgers

N, FRAMES, DT = 16, 8, 0.05
ABOUT = {"equations": ["burgers"], "name": "moving"}


@pytest.fixture(scope="session")
def moving(tmp_path_factory):
    """A release of two frames in, two out, that is not told the coefficients."""
    face = Interface(("u",), ("u",), units={"u": "1"}, box=(2.0,), dt=DT, history=2, horizon=2)
    torch.manual_seed(0)
    model = FNO(face, Affine(), width=4, modes=2, layers=1)
    return package.save_pretrained(model, tmp_path_factory.mktemp("moving") / "r", about=ABOUT)


def written():
    """Five fronts of Burgers' equation in closed form, and the YAML that says what they are."""
    nu, c = torch.linspace(0.02, 0.05, 5).double(), torch.linspace(0.5, 1.0, 5).double()
    times = torch.arange(FRAMES).double() * DT
    u = Burgers(1).exact(Box((2.0,), (N,)), torch.stack([nu, c], 1), times)[:, :, 0]
    np.savez("fronts.npz", u=u.float().numpy(), viscosity=nu.numpy(), c=c.numpy())
    told = {
        "axes": ["trajectory", "time", "x"],
        "channels": {"u": "u"},
        "coefficients": {"nu": "viscosity", "cx": "c"},
        "box": [2.0],
        "dt": DT,
        "boundary": "periodic",
    }
    Path("fronts.yaml").write_text(yaml.safe_dump(told))
    return u.float().numpy()


@pytest.fixture
def fronts(here):
    """The file in the test's own folder."""
    return written()


FILE = ("fronts.npz", "--layout", "fronts.yaml")


def evaluated(zoo, model, *words):
    code, _, err = zoo("evaluate", model, *FILE, *words)
    assert code == 0, err
    return json.loads(Path("runs/evaluate-fronts/scorecard.json").read_text())


@pytest.fixture(scope="module")
def ran(tmp_path_factory, cache, moving):
    """One evaluation: the file's fields, the folder and what was printed."""
    from zoo.cli import main

    folder, out = tmp_path_factory.mktemp("ran"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setenv("ZOO_CACHE", str(cache))
        patch.chdir(folder)
        fields = written()
        assert main(["evaluate", str(moving), *FILE, "--out", "here"]) == 0
    return fields, folder / "here", out.getvalue()


@pytest.fixture
def card(ran):
    return json.loads((ran[1] / "scorecard.json").read_text())


def test_the_scorecard_is_that_of_the_models_rollout_to_the_end(moving, ran, card):
    model, (fields, _, out) = package.from_pretrained(moving), ran
    with torch.no_grad():
        y = model.rollout(torch.as_tensor(fields[:, :2, None]), 3)[:, :, 0].numpy()
    error, truth = (np.sqrt((a**2).mean(2)) for a in (y - fields[:, 2:], fields[:, 2:]))
    found = card["figures"]["nrmse"]["predictors"]
    np.testing.assert_allclose(found["model"]["by_step"], (error / truth).mean(0), rtol=1e-4)
    still = np.sqrt(((fields[:, 1:2] - fields[:, 2:]) ** 2).mean(2)) / truth
    np.testing.assert_allclose(found["persistence"]["by_step"], still.mean(0), rtol=1e-4)
    assert card["samples"] == 5 and card["frames"] == 6 and card["dt"] == pytest.approx(DT)
    assert "5 samples of u" in out and "persistence" in out


def test_the_equation_is_known_by_the_release_and_the_files_coefficients(card):
    assert card["predictors"]["solver"]["equation"] == "zoo.pde.burgers.Burgers"
    residual = card["figures"]["residual"]["predictors"]
    assert residual["truth"]["mean"] < 1e-2 < residual["model"]["mean"]
    assert card["notes"] == []


def test_page_pictures_and_recipe_are_kept_where_the_user_says(ran):
    _, folder, out = ran
    names = {"scorecard.json", "scorecard.md", "spectra.png", "error-over-time.png", "recipe.yaml"}
    assert names <= {path.name for path in folder.iterdir()}
    assert (folder / "recipe.yaml").read_text() in out
    assert not (folder.parent / "runs").exists()
    assert "| NRMSE |" in (folder / "scorecard.md").read_text()


def test_keys_of_the_recipe_hold_for_the_scorecard_too(moving, fronts, zoo):
    key = "--data.init_args.sets.0.init_args.test"
    card = evaluated(zoo, moving, "--steps", "2", key, "0.4")
    assert card["samples"] == 2 and card["frames"] == 2


def test_figures_are_added_to_the_release_and_its_card(moving, fronts, zoo, here):
    mine = shutil.copytree(moving, here / "mine")
    card = evaluated(zoo, mine, "--add")
    entries = {entry["name"]: entry for entry in release.figures(mine)}
    added = entries["scorecard/fronts/vrmse"]
    assert added["value"] == card["figures"]["vrmse"]["predictors"]["model"]["mean"]
    text = (mine / "README.md").read_text()
    assert "scorecard/fronts/vrmse" in text and "persistence" in text


def test_without_its_coefficients_an_equation_is_not_known_and_it_is_told_why(moving, fronts, zoo):
    told = yaml.safe_load(Path("fronts.yaml").read_text())
    del told["coefficients"]
    Path("fronts.yaml").write_text(yaml.safe_dump(told))
    card = evaluated(zoo, moving)
    assert "solver" not in card["predictors"] and "residual" not in card["figures"]
    assert any("burgers needs nu, cx, which the file has not" in note for note in card["notes"])


MISTAKES = {
    "too far": (["--steps", "8"], "has up to 6 to predict, in steps of 2"),
    "half a pass": (["--steps", "3"], "in steps of 2"),
    "no equation": (["--equation", "zoo.pde.burgers.Burger"], "there are zoo.pde."),
    "another equation": (["--equation", "zoo.pde.kdv.KdV"], "KdV: kdv needs"),
    "walls": (["--equation", "zoo.pde.heat.Heat", "--boundary", "dirichlet"], "periodic boxes"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_cannot_be_scored_is_told_before_anything_is_measured(case, moving, fronts, zoo):
    words, told = MISTAKES[case]
    code, _, err = zoo("evaluate", moving, *FILE, *words)
    assert code in (1, 2) and told in err and "Traceback" not in err
    assert not list(Path().rglob("scorecard*")) and not list(Path().rglob("figures.json"))


def test_figures_are_not_added_to_what_lies_in_the_cache(zoo, here):
    np.savez("fronts.npz", u=np.zeros((2, 8, 16)))
    code, _, err = zoo("evaluate", "owner/name", "fronts.npz", "--add")
    assert code == 2 and "pull it to a folder of your own" in err
