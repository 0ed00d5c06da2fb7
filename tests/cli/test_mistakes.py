"""A wrong key, class, type or file: exit code 2, at most five lines, before anything is built."""

import pytest

from tests.cli.conftest import recipe, write

FNO = "model.net.init_args"
OPTIONS = {
    "key of a model": (["--model.net.init_args.widht", "3"], f"{FNO}.widht", "'width'"),
    "key without init_args": (["--model.net.widht", "3"], f"{FNO}.widht", "'width'"),
    "key of the task": (["--model.shedule", "cosine"], "model.shedule", "'schedule'"),
    "key of the trainer": (["--trainer.max_epoch", "3"], "trainer.max_epoch", "'max_epochs'"),
    "section": (["--modle.net", "3"], "modle", "'model'"),
    "key in a list": (
        ["--data.sets.0.gird", "8"],
        "data.init_args.sets.0.init_args.gird",
        "'grid'",
    ),
    "entry of a list": (["--data.sets.3.grid", "8"], "data.init_args.sets.3", "1 entries"),
    "module": (
        ["--model.net.class_path", "zoo.models.fn.FNO"],
        "model.net.class_path",
        "'zoo.models.fno.FNO'",
    ),
    "class": (
        ["--model.objective.class_path", "zoo.objectives.supervised.Supervise"],
        "model.objective.class_path",
        "'zoo.objectives.supervised.Supervised'",
    ),
    "optimiser": (
        ["--model.optimizer.class_path", "torch.optim.Admm"],
        "model.optimizer.class_path",
        "'torch.optim.Adam'",
    ),
    "type": (["--model.net.init_args.width", "eight"], f"{FNO}.width", "expected int"),
    "type in a list": (
        ["--data.sets.0.train", "many"],
        "data.init_args.sets.0.init_args.train",
        "expected int",
    ),
    "word": (["--model.schedule", "cosin"], "model.schedule", "'cosine'"),
    "number of the trainer": (["--trainer.max_steps", "many"], "trainer.max_steps", "expected int"),
    "kind of class": (
        ["--model.objective.class_path", "zoo.pde.poisson.Poisson"],
        "model.objective",
        "Objective",
    ),
    "release": (
        ["--model.net", "null", "--model.init_from", "nothing"],
        "model.init_from",
        "shipped",
    ),
    "checkpoint": (["--ckpt_path", "nowhere.ckpt"], "ckpt_path", "nowhere.ckpt"),
    "no value": (["--model.schedule"], "--model.schedule", "needs a value"),
    "no option": (["model.schedule", "cosine"], "model.schedule", "-c"),
}


@pytest.fixture
def built(monkeypatch):
    """Notes whether anything is built or read."""
    made = []
    monkeypatch.setattr("zoo.fitting.ZooCLI.instantiate_classes", lambda self: made.append(self))
    yield made
    assert made == []


@pytest.mark.parametrize("case", OPTIONS)
def test_a_wrong_option_is_told_in_five_lines(case, zoo, tiny, built):
    words, key, right = OPTIONS[case]
    code, out, err = zoo("fit", "-c", tiny, *words)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) <= 5
    assert key in err and right in err
    if case not in ("no value", "no option", "entry of a list"):
        assert "on the command line" in err


FILES = {
    "key": ("  widht: 3", "model.net.init_args.widht", "'width'"),
    "type": ("  width: eight", "model.net.init_args.width", "expected int"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_line_is_found_in_the_file_that_wrote_it(case, zoo, tiny, here, built):
    line, key, right = FILES[case]
    text = "model:\n  net:\n    init_args:\n    " + line + "\n"
    (here / "more.yaml").write_text(text)
    code, _, err = zoo("fit", "-c", tiny, "-c", here / "more.yaml")
    assert code == 2
    assert len(err.strip().splitlines()) <= 5
    assert key in err and right in err and "more.yaml, line 4" in err


BROKEN = {
    "broken YAML": ("model: [1\n", "line 2"),
    "a key twice": ("model: {}\nmodel: {}\n", "line 2"),
    "a tag": ("model: !!python/object/apply:os.system [x]\n", "line 1"),
    "a list": ("- model\n", "mapping"),
    "a chain": ("stages: {a: {recipe: b.yaml}}\n", "zoo run"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_recipe_is_refused(case, zoo, here, built):
    text, right = BROKEN[case]
    (here / "bad.yaml").write_text(text)
    code, _, err = zoo("fit", "-c", here / "bad.yaml")
    assert code == 2
    assert len(err.strip().splitlines()) <= 5
    assert "bad.yaml" in err and right in err


def test_a_missing_file_is_answered_with_the_nearest_name(zoo, tiny, built):
    code, _, err = zoo("fit", "-c", tiny.replace("tiny", "tinny"))
    assert code == 2
    assert "tinny.yaml" in err and "'tiny.yaml'" in err


def test_an_address_is_no_recipe(zoo, built):
    code, _, err = zoo("fit", "-c", "hf://someone/thing/recipe.yaml")
    assert code == 2
    assert "no file hf://someone/thing/recipe.yaml" in err


def test_a_recipe_without_data_is_refused(zoo, here, built):
    content = recipe()
    del content["data"]
    code, _, err = zoo("fit", "-c", write(here / "nodata.yaml", content))
    assert code == 2
    assert "no recipe names the data" in err


def test_an_unknown_command_is_answered_with_the_nearest(zoo):
    code, _, err = zoo("ftt")
    assert code == 2
    assert "'fit'" in err


def test_an_unknown_option_of_a_light_command_is_answered_with_the_nearest(zoo):
    code, _, err = zoo("list", "--equatoin", "poisson")
    assert code == 2
    assert "'--equation'" in err
