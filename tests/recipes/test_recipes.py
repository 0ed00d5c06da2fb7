"""Every recipe that ships is discovered, checked, and fits one batch of a toy's size."""

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo import exporting, reading, release, shelf
from zoo import recipe as recipes
from zoo.checking import find, parameters
from zoo.data.points.points import Points
from zoo.data.spins.spin_data import SpinData
from zoo.models.base import Interface, build
from zoo.models.constrained import Constrained
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.models.parts.affine import Affine
from zoo.models.rnn import RNN
from zoo.pde.points.equation import PointEquation
from zoo.recipe import Run
from zoo.recipe_labels import labels

FILES = shelf.recipes()
CONTENT = {name: reading.read(path).content for name, path in FILES.items()}
CHAINS = [name for name, content in CONTENT.items() if "stages" in content]
WHOLE = [
    name
    for name, content in CONTENT.items()
    if "class_path" in content.get("data", {})
    and {"net", "init_from"} & set(content.get("model", {}))
]
TOY = {"grid": 16, "train": 8, "validation": 2, "test": 2, "tolerance": 1e-2}


def stages():
    """Runs of the chains' stages that together use every file, from scratch and from weights.

    Every pair of a net and a data file would take too long.
    """
    seen: set[tuple[object, ...]] = set()
    found = []
    for name in CHAINS:
        chain = recipes.read(FILES[name])
        for plain in chain.stages:
            # paths are told as seen from here, and each test works elsewhere
            stage = replace(plain, recipes=tuple(path.resolve() for path in plain.recipes))
            for point in stage.kinds():
                files = {(f, stage.command, bool(stage.uses)) for f in stage.files(point)}
                if files <= seen:
                    continue
                seen |= files
                run = Run(stage, point, chain.folder, {})
                told = ",".join(map(str, labels(point).values()))
                label = f"{name}:{stage.name}{':' if told else ''}{told}"
                found.append(pytest.param(run, id=label))
    return found


def toy(tree):
    """Options that shrink a merged recipe to a toy."""
    options = {"trainer.fast_dev_run": 1, "trainer.accelerator": "cpu"}
    if is_spins(tree):
        return options | few_spins(tree)
    options |= few_points(tree) if is_points(tree) else few_fields(tree)
    net = tree["model"].get("net") or {}
    small = {"width": 4, "modes": 2, "layers": 1, "widths": [4, 8], "blocks": 1, "grid": 16}
    for key in set(small) & set(net.get("init_args", ())):
        options[f"model.net.init_args.{key}"] = small[key]
    # of models that hold models, what is large may be further in
    path = "model.net.init_args"
    inner = {"eval_samples": 8, "samples": 8, "width": 4}
    while "init_args" in net:
        net = net["init_args"]
        options |= {f"{path}.{key}": few for key, few in inner.items() if key in net}
        net, path = net.get("inner", {}), f"{path}.inner.init_args"
    return options


def is_points(tree):
    return tree["data"]["class_path"].endswith((".Points", ".Fresh", ".AlongPaths"))


def is_spins(tree):
    return tree["data"]["class_path"].startswith("zoo.data.spins.")


def few_spins(tree):
    # two batches: validation has thermal and uniform lattices
    options = {"trainer.fast_dev_run": 2, "data.init_args.drawing.chains": 16}
    options |= {"data.init_args.count": 40, "data.init_args.evaluation": 20}
    options["data.init_args.batch_size"] = 8
    if "pool" in tree["model"].get("objective", {}).get("init_args", {}):
        options["model.objective.init_args.pool"] = 30
    own = tree["model"].get("net", {}).get("init_args", {})
    if "hidden" in own:
        options["model.net.init_args.hidden"] = 4 if isinstance(own["hidden"], int) else [4]
    return options


def few_points(tree):
    given = tree["data"]["init_args"]
    if "parts" not in given:
        few = {name: 4 for name in ("interior", "boundary", "initial") if given.get(name)}
        few["evaluation.init_args.count"] = 40
        return {f"data.init_args.{key}": count for key, count in few.items()}
    sides = given.get("evaluation", {}).get("points_per_side", 0)
    few = {name: 3 for name in sides} if isinstance(sides, dict) else 3
    options = {"data.init_args.evaluation.points_per_side": few}
    # the truth of each instance is a solution of its own; shares of training stay as they are
    if given.get("instances", {}).get("validation", 1) > 2:
        options["data.init_args.instances.validation"] = 2
    for i, item in enumerate(given["parts"]):
        own = item.get("init_args", {})
        for key, toy_size in (("count", 64), ("points_per_side", 3)):
            if key in own:
                size = {n: 9 for n in own[key]} if isinstance(own[key], dict) else toy_size
                options[f"data.init_args.parts.{i}.init_args.{key}"] = size
    if "max_iter" in tree["model"].get("optimizer", {}).get("init_args", {}):
        options["model.optimizer.init_args.max_iter"] = 2
    return options


@functools.cache
def used():
    """The recipes that chains name."""
    return {
        path.resolve()
        for chain in CHAINS
        for stage in recipes.read(FILES[chain]).stages
        for point in stage.kinds()
        for path in stage.files(point)
    }


def teachers(tree):
    """Keys at which a recipe names the release of a teacher of points."""
    key = "data.init_args.parts.{}.init_args.targets.{}.init_args.teacher.init_args.x"
    return [
        key.format(i, j)
        for i, part in enumerate(tree["data"]["init_args"].get("parts", ()))
        for j, target in enumerate(part.get("init_args", {}).get("targets", ()))
        if "teacher" in target.get("init_args", {})
    ]


def few_fields(tree):
    options = {"data.init_args.batch_size": 2}
    if tree["data"]["init_args"].get("limit") is not None:
        options["data.init_args.limit"] = 4
    for i, item in enumerate(tree["data"]["init_args"]["sets"]):
        for key in set(TOY) & set(parameters(find(item["class_path"])) or ()):
            options[f"data.init_args.sets.{i}.init_args.{key}"] = TOY[key]
    return options


def words(options):
    return [word for key, item in options.items() for word in (f"--{key}", recipes.text(item))]


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A toy release to start from: it has a channel of every recipe, and is adapted by name."""
    torch.manual_seed(0)
    face = Interface(inputs=("f", "u"), outputs=("u",))
    folder = tmp_path_factory.mktemp("parent") / "release"
    release.save_pretrained(FNO(face, Affine(), width=4, modes=2, layers=1), folder)
    return str(folder)


def teacher(tree, folder):
    """A toy release of the recipe's own problem; terminal values are met where there are any."""
    equation = build(tree["data"]["init_args"]["equation"], PointEquation, ("zoo.pde.",))
    torch.manual_seed(0)
    face = Points(equation).interface()
    net = MLP(face, width=4, layers=1)
    if equation.terminal:
        net = Constrained(face, net, equation=equation)
    return str(release.save_pretrained(net, folder / "teacher"))


def sampler(tree, folder):
    """A toy release of a recurrence on the recipe's own lattice; its energy teaches as well."""
    made = build(tree["data"], SpinData, ("zoo.data.spins.",))
    torch.manual_seed(0)
    net = RNN(made.interface(), made.system, hidden=4)
    return str(release.save_pretrained(net, folder / "sampler"))


def test_recipes_are_found():
    assert len(CHAINS) >= 1 and len(WHOLE) >= 4


@pytest.mark.parametrize("name", FILES)
def test_a_recipe_begins_with_what_it_claims_and_costs(name):
    head = []
    for line in FILES[name].read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        head.append(line)
    text = "\n".join(head)
    assert head, "a recipe begins with a comment"
    if name in CHAINS or name in WHOLE:
        assert [
            word for word in ("Claim", "Command:", "Hardware:", "Expected:") if word not in text
        ] == []


@pytest.mark.parametrize("name", sorted(set(FILES) - set(CHAINS) - set(WHOLE)))
def test_a_part_is_used_by_a_chain(name):
    assert FILES[name].resolve() in used()


@pytest.mark.parametrize("name", WHOLE)
def test_a_recipe_fits_one_batch(name, zoo, parent):
    options = toy(CONTENT[name])
    if CONTENT[name]["model"].get("init_from"):
        options["model.init_from"] = parent
    code, _, err = zoo("fit", "-c", FILES[name], *words(options))
    assert code == 0, err


@pytest.mark.parametrize("run", stages())
def test_a_stage_fits_one_batch(run, zoo, parent, here):
    tree = {"model": {}, **run.tree()}
    options = {**run.keys(), **toy(tree)}
    if is_points(tree):
        parent = teacher(tree, here)
        options |= dict.fromkeys(teachers(tree), parent)
    if is_spins(tree):
        parent = sampler(tree, here)
        if "teacher" in tree["model"].get("objective", {}).get("init_args", {}):
            options["model.objective.init_args.teacher.init_args.x"] = parent
    if "model.init_from" in run.stage.uses or tree["model"].get("init_from"):
        options["model.init_from"] = parent
    files = [word for path in run.recipes for word in ("-c", path)]
    code, _, err = zoo(run.stage.command, *files, *words(options))
    assert code == 0, err


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_recipe_generates_is_told_without_generating(name, here, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(here / "empty"))
    told = exporting.describe(str(FILES[name]))
    assert not (here / "empty").exists()
    if is_points(CONTENT[name]):
        assert "points" in told
        return
    count = len(CONTENT[name]["data"]["init_args"]["sets"])
    assert told.count("will be generated") == 3 * count
    assert float(told.split()[-2]) > 0


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_can_be_planned_and_printed(name, zoo, here):
    code, out, _ = zoo("run", FILES[name], "--print")
    assert code == 0
    commands = [line for line in out.splitlines() if not line.startswith("#")]
    assert commands and all(line.startswith("zoo ") for line in commands)
    code, out, _ = zoo("run", FILES[name], "--plan")
    assert code == 0 and "never measured here" in out
    assert list(Path(here).iterdir()) == []
