"""Labels of a chain: in file names, folders, parents, selections and on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import recipe, write
from tests.recipes.conftest import few
from zoo import recipe as recipes
from zoo.reading import Mistake
from zoo.stages import Runner

LR = "model.optimizer.init_args.lr"


@pytest.fixture
def stages(here):
    (here / "tasks").mkdir()
    write(here / "pretrain.yaml", recipe(epochs=1))
    write(here / "few.yaml", few())
    for name in ("plain", "jigsaw"):
        write(here / "tasks" / f"{name}.yaml", {"model": {"schedule": "constant"}})
    return {
        "pretrain": {
            "recipe": ["pretrain.yaml", "tasks/{strategy}.yaml"],
            "matrix": {"strategy": ["plain", "jigsaw"], "seed_everything": [0, 1]},
            "each": {"strategy": {"jigsaw": {"trainer.max_epochs": 2}}},
        },
        "tuned": {
            "recipe": "few.yaml",
            "uses": {"model.init_from": "pretrain"},
            "matrix": {
                "strategy": ["plain", "jigsaw"],
                "seed_everything data.init_args.seed": [0, 1],
                LR: [1e-2, 1e-3],
            },
            "select": {"over": [LR]},
        },
    }


def chain(stages, sets=()):
    return recipes.read(write("chain.yaml", {"stages": stages}), sets=sets)


def test_a_label_names_a_recipe_and_a_folder_and_sets_no_key(stages):
    made = chain(stages)
    run = made.runs(made.stage("pretrain"))[2]
    assert run.folder == Path("runs/chain/pretrain/strategy=jigsaw,seed_everything=0")
    assert [path.name for path in run.recipes] == ["pretrain.yaml", "jigsaw.yaml"]
    assert run.keys() == {"trainer.max_epochs": 2, "seed_everything": 0}
    assert "tasks/jigsaw.yaml" in run.argv() and "--strategy" not in run.argv()
    assert run.tree()["trainer"]["max_epochs"] == 2 and "strategy" not in run.tree()


def test_the_parent_has_equal_labels_and_seeds(stages):
    made = chain(stages)
    for run in made.runs(made.stage("tuned")):
        parent = run.parents["model.init_from"].name
        seed = run.point["seed_everything data.init_args.seed"]
        assert parent == f"strategy={run.point['strategy']},seed_everything={seed}"


def test_runs_of_one_tree_are_one_spec_whatever_their_label(stages):
    del stages["pretrain"]["each"]
    made = chain(stages)
    plain, _, jigsaw, _ = made.runs(made.stage("pretrain"))
    assert plain.spec() == jigsaw.spec() and plain.folder != jigsaw.folder


def test_a_selection_is_within_each_combination_of_labels(stages):
    made = chain(stages)
    stage = made.stage("tuned")
    for place, run in enumerate(made.runs(stage)):
        run.folder.joinpath("release").mkdir(parents=True)
        entry = {"name": "validation/relative_l2", "value": float(-place)}
        (run.folder / "release" / "metrics.json").write_text(json.dumps([entry]))
        for name in ("recipe.yaml", "figures.json"):
            (run.folder / name).write_text("{}")
    found = Runner(made, say=lambda line: None).pick(stage)
    assert [one.chosen for one in found] == [{LR: 1e-3}] * 4
    assert [one.point["strategy"] for one in found] == ["plain"] * 2 + ["jigsaw"] * 2
    assert found[0].folder.name == "strategy=plain,seed_everything=0"


def test_labels_stand_in_the_plan_and_in_the_printed_commands(stages):
    runner = Runner(chain(stages))
    assert "pretrain  strategy=jigsaw,seed_everything=1: to do" in "\n".join(runner.plan())
    printed = list(runner.commands())
    assert sum("-c tasks/jigsaw.yaml" in line for line in printed) == 2
    assert not any("{" in line for line in printed)


def test_a_label_is_narrowed_on_the_command_line(stages):
    made = chain(stages, ["*.strategy=jigsaw", "tuned.seed_everything=0"])
    assert [s.matrix["strategy"] for s in made.stages] == [["jigsaw"], ["jigsaw"]]
    both = chain(stages, ["pretrain.strategy=[plain, jigsaw]"]).stage("pretrain")
    assert both.matrix["strategy"] == ["plain", "jigsaw"]
    with pytest.raises(Mistake, match=r"--set \*\.strateg: .*did you mean 'strategy'"):
        chain(stages, ["*.strateg=jigsaw"])


def test_a_chain_with_labels_runs(stages, zoo):
    stages["tuned"]["matrix"][LR] = [1e-2]
    path = write("chain.yaml", {"stages": stages})
    code, out, err = zoo("run", path, "--set", "*.strategy=jigsaw", "--set", "*.seed_everything=0")
    assert code == 0, err
    assert "tuned  strategy=jigsaw" in out
    assert zoo("run", path, "--set", "*.strategy=jigsaw", "--plan")[0] == 0


def change(stage, **changes):
    return lambda stages: stages[stage].update(changes)


WRONG = {
    "unknown placeholder": (
        change("pretrain", recipe=["pretrain.yaml", "tasks/{strateg}.yaml"]),
        r"pretrain.recipe: \{strateg\} is no label of the matrix; did you mean 'strategy'",
    ),
    "no file": (
        change("pretrain", matrix={"strategy": ["jigsow"]}, each=None),
        r"no file tasks/jigsow.yaml; did you mean 'jigsaw.yaml'",
    ),
    "unused label": (
        change("pretrain", recipe="pretrain.yaml", each=None),
        r"pretrain.matrix: 'strategy' is no key of a recipe, and no recipe",
    ),
    "misspelt key": (
        change("tuned", matrix={"strategy": ["plain"], "sed_everything": [0]}, select=None),
        r"'sed_everything' is no key .*; did you mean 'seed_everything'",
    ),
    "each without a label": (
        change("pretrain", each={"strategi": {}}),
        r"pretrain.each: 'strategi' is no label of the matrix; did you mean 'strategy'",
    ),
    "each of another value": (
        change("pretrain", each={"strategy": {"jigsow": {}}}),
        r"each.strategy: 'jigsow' needs to be a value of strategy; did you mean 'jigsaw'",
    ),
    "a value that is no word": (
        change("pretrain", matrix={"strategy": [None]}, each=None),
        r"matrix.strategy: a label's value is a word or a number, got None",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_label_is_named(stages, case):
    edit, words = WRONG[case]
    edit(stages)
    with pytest.raises(Mistake, match=words) as told:
        chain(stages)
    assert len(str(told.value).splitlines()) <= 5
