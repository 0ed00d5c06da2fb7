"""The hash by which a finished run is known: what is in it, and what is not."""

import json

import pytest

import zoo
from tests.cli.conftest import write
from zoo import recipe as recipes
from zoo import shelf

TEACHER = "model.objective.init_args.teacher.init_args.x"


@pytest.fixture
def shipped(here, monkeypatch):
    """Sets the sha256 of the one shipped release, `big`."""
    folder = here / "checkpoints" / "big"
    folder.mkdir(parents=True)

    def ship(sha):
        (folder / "config.json").write_text(json.dumps({"sha256": sha}))

    monkeypatch.setattr(shelf, "checkpoints", lambda: {"big": folder})
    ship("old")
    return ship


def student(start=None, teacher=None, listed=None):
    """The run of a student in a chain whose first stage could be its parent."""
    content = {"model": {"init_from": start}, "data": {"init_args": {"parts": []}}}
    block = {"class_path": "zoo.from_pretrained", "init_args": {"x": teacher}}
    if teacher is not None:
        content["model"]["objective"] = {"class_path": "a.B", "init_args": {"teacher": block}}
    if listed is not None:
        block = {"class_path": "zoo.from_pretrained", "init_args": {"x": listed}}
        content["data"]["init_args"]["parts"] = [{"init_args": {"teacher": block}}]
    return content


def run(content, **uses):
    write("student.yaml", content)
    write("first.yaml", {"model": {}})
    last = {"recipe": "student.yaml", "uses": uses}
    chain = {"stages": {"first": {"recipe": "first.yaml"}, "last": last}}
    made = recipes.read(write("chain.yaml", chain))
    return made.runs(made.stage("last"))[0]


def test_without_teachers_it_is_what_it_always_was(shipped):
    """So that what has been finished before stays finished."""
    mine = run(student("big"), **{"model.init_from": "first"})
    shas = {"model.init_from": None, "init_from": "old"}
    assert mine.spec() == recipes.digest([zoo.__version__, "fit", mine.tree(), shas])


@pytest.mark.parametrize("where", ["start", "teacher", "listed"])
def test_another_release_under_a_shipped_name_changes_it(where, shipped):
    mine = run(student(**{where: "big"}))
    before = mine.spec()
    shipped("new")
    assert mine.spec() != before
    shipped("old")
    assert mine.spec() == before


@pytest.mark.parametrize("key", [TEACHER, "model.objective.init_args.teacher", "model.objective"])
def test_a_shipped_teacher_in_whose_place_a_stage_stands_does_not_matter(key, shipped):
    mine = run(student(teacher="big"), **{key: "first"})
    before = mine.spec()
    shipped("new")
    assert mine.spec() == before


def test_the_teacher_that_an_earlier_stage_makes_matters(shipped, here):
    mine = run(student(teacher="big"), **{TEACHER: "first"})
    before = mine.spec()
    release = here / mine.parents[TEACHER] / "release"
    release.mkdir(parents=True)
    (release / "config.json").write_text(json.dumps({"sha256": "made"}))
    assert mine.spec() != before
