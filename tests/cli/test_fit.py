"""`zoo fit`: what a run's folder holds, and that it can be run and continued again."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.cli.conftest import data, recipe, write
from zoo import release


def weights(folder):
    return (folder / "release" / "model.safetensors").read_bytes()


@pytest.fixture
def run(zoo, tiny, here):
    assert zoo("fit", "-c", tiny)[0] == 0
    return here / "runs" / "tiny"


def test_a_run_holds_recipe_logs_checkpoint_figures_and_release(run, here):
    names = {path.name for path in run.iterdir()}
    assert names == {"recipe.yaml", "csv", "tensorboard", "checkpoints", "figures.json", "release"}
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    assert not (here / "checkpoints").exists() and not (here / "lightning_logs").exists()
    told = json.loads((run / "figures.json").read_text())["fit"]
    assert told["steps"] == 6  # 10 samples in batches of 4, twice
    assert 0 < told["figures"]["validation/relative_l2"] < 10
    assert "validation/poisson/relative_l2" in next(run.glob("csv/*/metrics.csv")).read_text()


def test_the_recipe_of_a_run_runs_again_to_the_same_bytes(run, zoo, here):
    kept = yaml.safe_load((run / "recipe.yaml").read_text())
    assert kept["trainer"] == {"max_epochs": 2}
    assert kept["model"]["net"]["init_args"]["projection"] == 2  # a default, spelled out
    code, *_ = zoo("fit", "-c", run / "recipe.yaml", "--trainer.default_root_dir", here / "again")
    assert code == 0
    assert weights(here / "again") == weights(run)
    assert (here / "again" / "recipe.yaml").read_text() == (run / "recipe.yaml").read_text()


def test_the_release_carries_the_recipe(run):
    assert (run / "release" / "recipe.yaml").read_text() == (run / "recipe.yaml").read_text()


def test_validate_and_test_leave_the_recipe_alone(run, zoo):
    before = (run / "recipe.yaml").read_text()
    for command in ("validate", "test"):
        words = ["--model.net", "null", "--model.init_from", run / "release"]
        assert zoo(command, "-c", run / "recipe.yaml", *words)[0] == 0
    assert (run / "recipe.yaml").read_text() == before
    told = json.loads((run / "figures.json").read_text())
    assert set(told) == {"fit", "validate", "test"}
    stated = {f["name"]: f["value"] for f in release.figures(run / "release")}
    found = told["validate"]["figures"]["validation/relative_l2"]
    assert found == pytest.approx(stated["validation/relative_l2"], rel=1e-6)


def test_later_recipes_and_options_win(zoo, tiny, here):
    more = write(here / "more.yaml", {"data": {"init_args": {"batch_size": 5}}, "save_seconds": 3})
    words = ["--data.sets.0.train", "5", "--trainer.max_epochs", "1"]
    assert zoo("fit", "-c", tiny, "-c", more, *words)[0] == 0
    kept = yaml.safe_load((here / "runs" / "more" / "recipe.yaml").read_text())
    arguments = kept["data"]["init_args"]
    assert (arguments["batch_size"], arguments["sets"][0]["init_args"]["train"]) == (5, 5)
    assert arguments["sets"][0]["init_args"]["grid"] == 16
    assert json.loads((here / "runs" / "more" / "figures.json").read_text())["fit"]["steps"] == 1


SCHEDULES = {
    "by epochs": {"max_epochs": 4, "accelerator": "cpu"},
    "by steps": {"max_steps": 12, "val_check_interval": 5, "check_val_every_n_epoch": None},
}
MOMENTS = {"step": 8, "validation": 6, "end": 1}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_that_was_cut_goes_on_to_the_same_bits(schedule, zoo, here):
    """Cut in the middle of an epoch, between a step and its validation, and after the last step."""
    content = recipe(trainer=SCHEDULES[schedule], save_seconds=0)
    run = write(here / "run.yaml", content)
    assert zoo("fit", "-c", run, "--trainer.default_root_dir", "whole")[0] == 0
    for moment, step in MOMENTS.items():
        halt = {"class_path": "tests.cli.halt.Halt", "init_args": {"moment": moment, "step": step}}
        stop = write(here / "stop.yaml", {"trainer": {"callbacks": [halt]}})
        cut = ["-c", run, "--trainer.default_root_dir", moment]
        code, _, err = zoo("fit", *cut, "-c", stop)
        assert code == 1 and "halted" in err
        assert not (here / moment / "release").exists()
        assert zoo("fit", *cut, "--ckpt_path", f"{moment}/checkpoints/last.ckpt")[0] == 0
        assert weights(here / moment) == weights(here / "whole"), moment


def test_a_checkpoint_continues_only_its_own_recipe(run, zoo, tiny):
    words = ["--ckpt_path", run / "checkpoints" / "last.ckpt", "--trainer.max_epochs", "3"]
    code, _, err = zoo("fit", "-c", tiny, *words, "--model.optimizer.init_args.lr", "0.5")
    assert code == 1
    assert "model.optimizer.init_args.lr is 0.5, the checkpoint's run had 0.01" in err
    assert "--model.init_from" in err and "Traceback" not in err


def test_more_epochs_of_the_same_recipe_are_allowed(run, zoo, tiny):
    words = ["--ckpt_path", run / "checkpoints" / "last.ckpt", "--trainer.max_epochs", "3"]
    assert zoo("fit", "-c", tiny, *words)[0] == 0
    assert json.loads((run / "figures.json").read_text())["fit"]["steps"] == 9


def test_released_weights_start_another_run_and_are_its_parent(run, zoo, here):
    content = recipe(epochs=1, data=data(5.0, 10.0))
    content["model"] = {"init_from": str(run / "release")}
    assert zoo("fit", "-c", write(here / "next.yaml", content))[0] == 0
    parents = release.describe(here / "runs" / "next" / "release")["lineage"]
    assert [one["sha256"] for one in parents] == [release.describe(run / "release")["sha256"]]
    start, end = (load_file(f / "release" / "model.safetensors") for f in (run, here / "runs/next"))
    assert start.keys() == end.keys()
    assert any(not torch.equal(start[name], end[name]) for name in start)


FAILURES = {
    "a block's rule": (["--data.batch_size", "0"], "batch_size=0"),
    "a grid too coarse": (["--model.net.modes", "20"], "modes=20 needs n >= 38, got n=16"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_of_ours_is_one_sentence(case, zoo, tiny, monkeypatch):
    words, told = FAILURES[case]
    code, _, err = zoo("fit", "-c", tiny, *words)
    assert code == 1
    assert told in err and "Traceback" not in err
    assert len(err.strip().splitlines()) <= 5
    monkeypatch.setenv("ZOO_TRACEBACK", "1")
    with pytest.raises(ValueError):
        zoo("fit", "-c", tiny, *words)


def test_a_merged_recipe_is_printed(zoo, tiny):
    code, out, _ = zoo("fit", "-c", tiny, "--model.net.width", "6", "--print_config")
    assert code == 0
    assert yaml.safe_load(out)["model"]["net"]["init_args"]["width"] == 6
