"""Recipes from the Hub: what is not on the list is refused before anything is imported."""

import copy
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import net, recipe, write
from zoo import allowlist, reading
from zoo.reading import Mistake


def good():
    content = recipe()
    content["trainer"] = {"max_epochs": 1, "precision": "32-true", "gradient_clip_val": 1.0}
    content["model"]["about"] = {
        "summary": "A net. See https://example.org/x.",
        "citation": "A. B. 2023",
    }
    return content


def source(content, name="someone/thing/recipe.yaml"):
    return reading.parse(yaml.safe_dump(content, sort_keys=False), name)


def test_an_honest_recipe_passes():
    allowlist.check(source(good()))


def test_what_a_run_writes_passes(zoo, here):
    assert zoo("fit", "-c", write(here / "tiny.yaml", recipe()))[0] == 0
    path = here / "runs" / "tiny" / "release" / "recipe.yaml"
    allowlist.check(reading.read(path))


def model(**changes):
    return lambda c: c["model"].update(changes)


def at(key, item):
    return lambda c: reading.put(c, key, item)


def block(path, /, **arguments):
    return {"class_path": path, "init_args": arguments} if arguments else {"class_path": path}


FORBIDDEN = {
    # the zoo's own prefix in front of another's function
    "system behind a module of ours": model(
        objective=block("zoo.release.os.system", command="touch x")
    ),
    "system behind a listed module": model(net=block("zoo.models.base.importlib.import_module")),
    "imported into a listed module": model(net=block("zoo.models.fno.nn.Linear")),
    "class imported into a listed module": model(net=block("zoo.models.fno.Operator")),
    "function of a listed module": model(objective=block("zoo.models.base.build", described={})),
    "task": model(objective=block("zoo.task.Task")),
    "release": model(net=block("zoo.release.from_pretrained", x="a")),
    "shelf": model(net=block("zoo.shelf.empty_cache")),
    # others' code
    "system": model(objective=block("os.system", command="touch x")),
    "subprocess": model(net=block("subprocess.Popen", args="x")),
    "lightning's callback": at("trainer.callbacks", [block("lightning.pytorch.callbacks.Timer")]),
    "torch's loader": model(net=block("torch.hub.load", repo_or_dir="x", model="y")),
    "behind torch's optimisers": model(optimizer=block("torch.optim.lr_scheduler.math.exp")),
    "no class of torch's optimisers": model(optimizer=block("torch.optim.swa_utils.AveragedModel")),
    "dunder": model(net=block("zoo.models.fno.FNO.__init__")),
    "nested in a list": at("data.init_args.sets", [block("os.system")]),
    "nested in arguments": at("model.net.init_args.normaliser", block("os.system")),
    "two levels down": at(
        "data.init_args.sets.0.init_args.equation.init_args.eigenvalue", block("os.system")
    ),
    # short names and other ways to say a class
    "short name": model(net=block("FNO")),
    "short name as a text": model(net="FNO"),
    "short name of an optimiser": model(optimizer="SGD"),
    "short name inside": at("model.net.init_args.normaliser", "Affine"),
    "class as a text": model(net="zoo.models.fno.FNO"),
    "other's class as a text": model(objective="os.system"),
    "dotted key": at("model", {"net.class_path": "os.system"}),
    "arguments without a class": model(net={"init_args": {"width": 3}}),
    "more keys in a block": model(net={**net(), "dict_kwargs": {"x": 1}}),
    "class that is no text": model(net={"class_path": ["os.system"]}),
    # files and addresses
    "a file for the model": at("model", "/tmp/other.yaml"),
    "a file for the data": at("data", "other.yaml"),
    "an address for the data": at("data", "hf://someone/other/recipe.yaml"),
    "an address inside": model(net="https://example.org/recipe.yaml"),
    "a file inside": at("model.net.init_args", "other.yaml"),
    "a path to start from": model(init_from="/etc"),
    "a path upwards": model(init_from="../../secret"),
    "a home": model(init_from="~/x"),
    "a Windows path": model(init_from="C:\\x"),
    "a path of a data set": at(
        "data.init_args.sets", [block("zoo.data.files.Files", path="/etc/x.npz")]
    ),
    # the trainer
    "root folder": at("trainer.default_root_dir", "x"),
    "plugins": at("trainer.plugins", []),
    "loggers": at("trainer.logger", block("lightning.pytorch.loggers.CSVLogger", save_dir="x")),
    "callbacks": at("trainer.callbacks", []),
    "profiler": at("trainer.profiler", "simple"),
    "strategy": at("trainer.strategy", "ddp"),
    "checkpoint": lambda c: c.update(ckpt_path="last.ckpt"),
    "unknown section": lambda c: c.update(optimizer={}),
    "stages": lambda c: c.update(stages={}),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_whatever_is_not_listed_is_refused(case, monkeypatch):
    content = copy.deepcopy(good())
    FORBIDDEN[case](content)
    loaded = []
    monkeypatch.setattr("os.system", lambda *a: loaded.append(a))
    with pytest.raises(Mistake) as told:
        allowlist.check(source(content))
    text = str(told.value)
    assert "someone/thing/recipe.yaml" in text and len(text.splitlines()) <= 5
    assert loaded == []


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [touch x]", "!!python/name:os.system", "!include x"]
)
def test_tags_are_refused(tag):
    with pytest.raises(Mistake, match="tag"):
        reading.parse(f"model: {tag}\n", "someone/thing/recipe.yaml")


def test_a_module_outside_the_list_is_never_imported(here, monkeypatch):
    (here / "trap.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(here))
    content = good()
    content["model"]["net"] = block("trap.Net")
    with pytest.raises(Mistake):
        allowlist.check(source(content))
    assert "trap" not in sys.modules


@pytest.mark.parametrize("path", ["torch.optim.AdamW", "torch.optim.SGD", "torch.optim.LBFGS"])
def test_optimisers_are_listed_by_inspection(path):
    content = good()
    content["model"]["optimizer"] = block(path)
    allowlist.check(source(content))


def test_what_is_tuned_is_named_by_patterns_that_look_like_classes():
    content = good()
    low = {"rank": 2, "where": ["spectral.0.weight"]}
    rates = {"lift.*": 2.0, "body": 0.1}
    content["model"]["tuning"] = {"freeze": ["lift.weight", "*"], "low_rank": low, "rates": rates}
    allowlist.check(source(content))


@pytest.mark.parametrize(
    "tuning",
    [
        {"freeze": ["../x"]},
        {"change": {"normaliser": {"class_path": "os.system"}}},
        {"rates": {"a b": 1.0}},
    ],
)
def test_what_is_tuned_names_neither_files_nor_classes(tuning):
    content = good()
    content["model"]["tuning"] = tuning
    with pytest.raises(Mistake):
        allowlist.check(source(content))


def test_a_teacher_may_be_a_release():
    content = good()
    teacher = block("zoo.from_pretrained", x="someone/teacher@v1")
    content["model"]["objective"] = block("zoo.objectives.supervised.Supervised", teacher=teacher)
    allowlist.check(source(content))


@pytest.mark.parametrize(
    ("name", "remote"),
    [
        ("someone/thing", True),
        ("someone/thing@v1.0", True),
        ("recipes/x.yaml", False),
        ("x.yaml", False),
        ("a/b/c", False),
        ("hf://someone/thing", False),
        ("../thing", False),
    ],
)
def test_what_counts_as_a_name_on_the_hub(name, remote, here):
    assert allowlist.is_remote(name) is remote


def test_a_folder_here_is_no_name_on_the_hub(here):
    (here / "someone" / "thing").mkdir(parents=True)
    assert not allowlist.is_remote("someone/thing")


@pytest.fixture
def hub(here, monkeypatch):
    """Answers for the Hub: the folder of someone/thing."""
    asked = []

    def pull(repo, revision=None, *, files=None, **rest):
        asked.append((repo, revision, files))
        return here / "snapshot"

    monkeypatch.setattr("zoo.hub.pull", pull)
    (here / "snapshot").mkdir()
    return asked


def test_a_recipe_from_the_hub_is_fitted(hub, zoo, here):
    write(here / "snapshot" / "recipe.yaml", good())
    assert zoo("run", "someone/thing@v1")[0] == 0
    assert hub == [("someone/thing", "v1", ["recipe.yaml"])]
    assert Path("runs/thing/release/config.json").is_file()


def test_a_hostile_recipe_from_the_hub_exits_before_anything(hub, zoo, here, monkeypatch):
    content = good()
    content["model"]["objective"] = block("zoo.release.os.system", command="touch owned")
    write(here / "snapshot" / "recipe.yaml", content)
    for words in (["fit", "-c", "someone/thing"], ["run", "someone/thing"]):
        code, _, err = zoo(*words)
        assert code == 2
        assert "zoo.release.os.system" in err and "someone/thing/recipe.yaml, line" in err
    assert not (here / "owned").exists() and not (here / "runs").exists()
