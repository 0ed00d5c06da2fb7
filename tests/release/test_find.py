"""Names: folder, shipped, Hub, in that order; listing; and what an import costs."""

import os
import subprocess
import sys

import pytest

import zoo
from zoo import hub, shelf
from zoo.models.base import Interface, Model
from zoo.models.fno import FNO
from zoo.models.parts.homogeneous import Homogeneous
from zoo.release import ReleaseError, list_models, resolve


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A shelf with three releases."""
    root = tmp_path / "shelf"
    kinds = {
        "fno-poisson-64": (("poisson",), (1.0, 1.0), "Supervised"),
        "fno-helmholtz-64": (("helmholtz",), (1.0, 1.0), "Supervised"),
        "fno-mixture-1d": (("poisson", "helmholtz"), (1.0,), "Jigsaw"),
    }
    for name, (equations, box, objective) in kinds.items():
        made = FNO(Interface(("f",), ("u",), box=box), Homogeneous(), width=4, modes=2, layers=1)
        about = {"equations": equations, "objective": objective}
        figures = [{"name": "test/relative_l2", "value": 0.5, "trivial": 0.75}]
        folder = root / "checkpoints" / name
        zoo.save_pretrained(made, folder, about=about, metrics=figures)
    monkeypatch.setattr(shelf, "root", lambda: root)
    return root / "checkpoints"


def test_a_shipped_name_is_found(shipped):
    assert resolve("fno-poisson-64") == shipped / "fno-poisson-64"
    assert zoo.from_pretrained("fno-poisson-64").interface.inputs == ("f",)


def test_a_folder_comes_before_a_shipped_name(shipped, tmp_path, monkeypatch):
    made = FNO(Interface(("f",), ("other",)), Homogeneous(), width=4, modes=2, layers=1)
    zoo.save_pretrained(made, tmp_path / "fno-poisson-64")
    monkeypatch.chdir(tmp_path)
    assert zoo.from_pretrained("fno-poisson-64").interface.outputs == ("other",)


def test_a_folder_comes_before_the_hub(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(shipped.parent)
    assert resolve("checkpoints/fno-poisson-64") == shipped / "fno-poisson-64"


def test_an_unknown_name_lists_near_ones(shipped):
    with pytest.raises(ReleaseError, match=r"'fno-poison-64' is not known.*'fno-poisson-64'"):
        resolve("fno-poison-64")


@pytest.mark.parametrize("name", ["poisson", "Fno-Poisson-64", "fno-poisson", "fno-poisson-64 "])
def test_nothing_is_guessed(shipped, name):
    with pytest.raises(ReleaseError, match="is not known"):
        resolve(name)


def test_a_folder_without_config_is_told_apart(shipped, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReleaseError, match=r"is a folder without config.json"):
        resolve(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "revision", "asked"),
    [
        ("lab/fno", None, ("lab/fno", None)),
        ("lab/fno@v1", None, ("lab/fno", "v1")),
        ("lab/fno", "v2", ("lab/fno", "v2")),
        ("lab/fno@v1", "v1", ("lab/fno", "v1")),
    ],
)
def test_owner_and_name_ask_the_hub(shipped, monkeypatch, name, revision, asked):
    seen = []

    def pull(repo, wanted=None, **options):
        seen.append((repo, wanted))
        assert options == {"cache_dir": "c", "endpoint": "e", "token": "t"}
        return shipped / "fno-poisson-64"

    monkeypatch.setattr(hub, "pull", pull)
    found = resolve(name, revision=revision, cache_dir="c", endpoint="e", token="t")
    assert found == shipped / "fno-poisson-64"
    assert seen == [asked]


def test_two_revisions_are_refused(shipped):
    with pytest.raises(ReleaseError, match="give one of the two"):
        resolve("lab/fno@v1", revision="v2")


def test_a_revision_of_a_folder_is_refused(shipped):
    with pytest.raises(ReleaseError, match=r"revision='v1' makes no sense .* belong to owner/name"):
        resolve("fno-poisson-64", revision="v1")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, {"fno-poisson-64", "fno-helmholtz-64", "fno-mixture-1d"}),
        ({"filter": "*-64"}, {"fno-poisson-64", "fno-helmholtz-64"}),
        ({"filter": "FNO-P*"}, {"fno-poisson-64"}),
        ({"equation": "helmholtz"}, {"fno-helmholtz-64", "fno-mixture-1d"}),
        ({"equation": "Poi*"}, {"fno-poisson-64", "fno-mixture-1d"}),
        ({"dimension": 1}, {"fno-mixture-1d"}),
        ({"objective": "jigsaw"}, {"fno-mixture-1d"}),
        ({"architecture": "fno", "dimension": 2}, {"fno-poisson-64", "fno-helmholtz-64"}),
        ({"architecture": "U*"}, set()),
    ],
)
def test_models_are_listed_by_name_and_property(shipped, asked, names):
    assert {one.name for one in list_models(**asked)} == names


def test_a_line_of_the_list_holds_size_and_figures(shipped):
    (one,) = list_models("fno-poisson-64")
    made = zoo.from_pretrained("fno-poisson-64")
    assert one.parameters == sum(p.numel() for p in made.parameters())
    assert one.figures == {"test/relative_l2": 0.5}
    assert (one.architecture, one.equations, one.dimension) == ("FNO", ("poisson",), 2)


def child(code, **environment):
    """Run Python in a process of its own, without the suite's import hook."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(zoo.__file__)))
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "code",
    [
        "import zoo",
        "import zoo; dir(zoo); zoo.__version__",
        "import zoo.release",
        "import zoo; zoo.list_models()",
        "import zoo.card, zoo.manifest, zoo.shelf; zoo.card.model_index()",
        "import zoo.verify, zoo.pack, zoo.compare, zoo.doctor",
    ],
)
def test_listing_needs_no_torch(code):
    heavy = ("torch", "lightning", "matplotlib", "huggingface_hub", "safetensors", "numpy")
    run = child(f"{code}\nimport sys\nprint([m for m in {heavy} if m in sys.modules])")
    assert run.stdout.strip() == "[]", run.stdout + run.stderr


def test_the_package_has_its_four_verbs():
    for name in ("from_pretrained", "list_models", "push_to_hub", "save_pretrained"):
        assert callable(getattr(zoo, name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zoo.nothing


def test_a_recipe_may_name_it_where_a_model_is_expected(shipped):
    from jsonargparse import ArgumentParser

    class Distil:
        def __init__(self, teacher: Model) -> None:
            self.teacher = teacher

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Distil, "it")
    block = {"class_path": "zoo.from_pretrained", "init_args": {"x": "fno-poisson-64"}}
    built = parser.instantiate(parser.parse_object({"it": {"teacher": block}}))
    assert isinstance(built.it.teacher, FNO)
