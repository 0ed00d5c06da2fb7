"""A shipped release names its parents as everyone knows them, not as one machine does."""

import json
import shutil

import pytest
import yaml

import zoo
from zoo import card, release, shelf
from zoo.models.parts.affine import Affine
from zoo.ship import ship

HEAD = "# zoo 0.1.0: as it ran, every default spelled out"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A repository of its own, whose index of cards is not written."""
    place = tmp_path / "repository"
    monkeypatch.setattr(shelf, "root", lambda: place)
    monkeypatch.setattr(card, "refresh_all", lambda: None)
    return place


@pytest.fixture
def normaliser():
    return Affine


def recipe(start, teacher=None):
    model = {"init_from": str(start)}
    if teacher is not None:
        block = {"class_path": "zoo.from_pretrained", "init_args": {"x": str(teacher)}}
        model["objective"] = {"class_path": "zoo.objectives.distill.Distill"}
        model["objective"]["init_args"] = {"teacher": block, "rates": [1e-5, 0.5]}
    return f"{HEAD}\n{yaml.safe_dump({'model': model, 'data': None}, sort_keys=False)}"


def run(model, folder, text=None, lineage=(), done=True):
    """A release as a run of a chain leaves it; none has the weights of another."""
    next(iter(model.parameters())).data.add_(1.0)
    zoo.save_pretrained(model, folder / "release", recipe=text, lineage=lineage)
    if done:
        (folder / "done.json").write_text("{}")
    return folder / "release"


def told(folder):
    return yaml.safe_load((folder / "recipe.yaml").read_text())


def sha(folder):
    return release.describe(folder)["sha256"]


def test_parents_that_are_shipped_are_named_as_they_are_shipped(model, tmp_path):
    first = run(model, tmp_path / "chain/first/seed=0")
    ship(first, "the-first")
    second = run(model, tmp_path / "chain/second/seed=0", recipe(first, first))
    found = told(ship(second, "the-second"))["model"]
    assert found["init_from"] == "the-first"
    assert found["objective"]["init_args"]["teacher"]["init_args"]["x"] == "the-first"
    assert found["objective"]["init_args"]["rates"] == [1e-5, 0.5]


def test_the_head_of_a_recipe_stays(model, tmp_path):
    first = run(model, tmp_path / "chain/first")
    ship(first, "the-first")
    second = run(model, tmp_path / "chain/second", recipe(first))
    assert (ship(second, "the-second") / "recipe.yaml").read_text().splitlines()[0] == HEAD


def test_the_lineage_names_what_is_shipped(model, tmp_path):
    first = run(model, tmp_path / "chain/first")
    ship(first, "the-first")
    steps = [
        {"stage": "init_from", "name": "seed=0", "sha256": sha(first)},
        {"stage": "teacher", "name": "elsewhere", "sha256": "0" * 64},
    ]
    second = run(model, tmp_path / "chain/second", recipe(first), steps)
    lineage = release.describe(ship(second, "the-second"))["lineage"]
    assert [one["name"] for one in lineage] == ["the-first", "elsewhere"]
    assert [one["sha256"] for one in lineage] == [one["sha256"] for one in steps]


@pytest.mark.parametrize("variant", ["", "seed=0", "selected/seed=0"])
def test_a_parent_of_the_same_chain_is_called_as_zoo_run_calls_it(variant, model, tmp_path):
    first = run(model, tmp_path / "far" / "chain" / "adam" / variant)
    second = run(model, tmp_path / "far" / "chain" / "lbfgs" / "seed=0", recipe(first))
    wanted = "/".join(filter(None, ("runs/chain/adam", variant, "release")))
    shipped = ship(second, "the-second")
    assert told(shipped)["model"]["init_from"] == wanted
    # and it can be shipped again, with other words
    assert told(ship(shipped, "the-second", "better"))["model"]["init_from"] == wanted


@pytest.mark.parametrize("start", ["the-first", "someone/model", "someone/model@v1"])
def test_a_name_that_everyone_can_resolve_stays(start, model, tmp_path):
    ship(run(model, tmp_path / "first"), "the-first")
    text = recipe(start)
    assert (
        ship(run(model, tmp_path / "second", text), "the-second") / "recipe.yaml"
    ).read_text() == text


def test_a_folder_that_only_this_machine_has_is_refused(model, tmp_path):
    first = run(model, tmp_path / "first", done=False)
    second = run(model, tmp_path / "second", recipe("a/b", first))
    with pytest.raises(zoo.release.ReleaseError) as error:
        ship(second, "the-second")
    text = str(error.value)
    assert "teacher.init_args.x" in text and str(first) in text and "ship it first" in text
    assert not (shelf.root() / "checkpoints").exists()


def test_a_parent_that_is_gone_is_refused(model, tmp_path):
    first = run(model, tmp_path / "chain/first")
    second = run(model, tmp_path / "chain/second", recipe(first))
    shutil.rmtree(first)
    with pytest.raises(zoo.release.ReleaseError, match=r"init_from is .* ship it first"):
        ship(second, "the-second")


def test_weights_and_figures_are_those_of_the_run(model, tmp_path):
    source = run(model, tmp_path / "first")
    shipped = ship(source, "the-first")
    for name in ("model.safetensors", "probe.safetensors", "metrics.json"):
        assert (shipped / name).read_bytes() == (source / name).read_bytes()
    assert json.loads((shipped / "config.json").read_text())["about"]["name"] == "the-first"
