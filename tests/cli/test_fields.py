"""A field of points from `zoo fit` to `zoo verify`, and on to the next stage."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
import yaml

import zoo as package
from tests.cli.conftest import recipe, write
from zoo import release
from zoo.cli import main

TERMS, TARGETS = "zoo.objectives.terms", "zoo.data.targets"


def block(path, **arguments):
    return {"class_path": path, **({"init_args": arguments} if arguments else {})}


def part(kind, **arguments):
    return block(f"zoo.data.points.{kind.lower()}.{kind}", **arguments)


ANALYTIC = block(f"{TARGETS}.analytic.Analytic")
REGIONS = {"left": {"x": [-1.0, 0.0]}}


def points(*parts, equation="allen_cahn.SteadyAllenCahn", **options):
    evaluation = {"points_per_side": 21, "regions": REGIONS}
    given = {"batch_size": 30, "evaluation": evaluation, **options}
    return block(
        "zoo.data.points.points.Points",
        equation=block(f"zoo.pde.points.{equation}"),
        parts=list(parts),
        **given,
    )


def field(data, epochs=3, **changes):
    terms = [block(f"{TERMS}.gradient.Gradient")]
    sides = [block(f"{TERMS}.value.Value", part="boundary")]
    model = {
        "net": block("zoo.models.mlp.MLP", width=12, layers=2),
        "objective": block("zoo.objectives.pointwise.Pointwise", interior=terms, sides=sides),
        "metrics": [
            block("zoo.metrics.point_error.PointError"),
            block("zoo.metrics.gradient_error.GradientError"),
            block("zoo.metrics.residual_error.ResidualError"),
            block("zoo.metrics.forcing_error.ForcingError"),
        ],
        "optimizer": block("torch.optim.Adam", lr=1e-2),
    }
    return recipe(epochs, model=model, data=data, **changes)


LEFT = {"where": {"x": [-1.0, 0.0]}}
STAGE = points(
    part("Interior", count=200, targets=[ANALYTIC], **LEFT), part("Sides", count=40, **LEFT)
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A field that was fitted on the left half and tested on the whole."""
    folder = tmp_path_factory.mktemp("fields")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setenv("ZOO_CACHE", str(folder / "cache"))
    write(folder / "field.yaml", field(STAGE))
    assert main(["fit", "-c", "field.yaml"]) == 0
    made = folder / "runs" / "field"
    words = ["--model.net", "null", "--model.init_from", str(made / "release")]
    assert main(["test", "-c", str(made / "recipe.yaml"), *words]) == 0
    patch.undo()
    return made


@pytest.fixture
def model(run):
    return package.from_pretrained(run / "release")


def test_the_release_tells_where_it_was_trained_and_what_it_is(run, model):
    config = release.describe(run / "release")
    face = config["model"]["init_args"]["interface"]
    assert face["region"] == [[-1, 0], [-1, 1]] and face["inputs"] == ["x", "y"]
    assert config["about"]["equations"] == ["steady_allen_cahn"]
    assert (run / "release" / "preview.png").read_bytes()[:4] == b"\x89PNG"
    assert model.interface.region == ((-1, 0), (-1, 1))


def test_values_and_derivatives_are_those_of_the_weights(model):
    x = np.random.default_rng(0).uniform(-1, 1, (3, 4, 2))
    flat = torch.tensor(x.reshape(-1, 2)).float()
    jet = model.jet(flat)
    for names, wanted in {
        (): model(flat),
        ("x",): jet.gradient[..., 0],
        ("y", "y"): jet.hessian[..., 1, 1],
        ("x", "y"): jet.hessian[..., 0, 1],
    }.items():
        found = model.predict(x, derivatives=names)
        assert found.shape == (3, 4, 1)
        np.testing.assert_allclose(found.ravel(), wanted.detach().ravel(), rtol=1e-5, atol=1e-6)


def test_the_lines_on_the_card_run(run, model, monkeypatch):
    card = (run / "release" / "README.md").read_text()
    lines = re.search(r"```python\n(.*?)```", card, re.S)[1]
    monkeypatch.setattr(package, "from_pretrained", lambda name: model)
    seen = {}
    exec(lines, seen)
    assert seen["u"].shape == seen["du"].shape == (101, 1)
    x = seen["x"]
    assert (x[0, 0], x[-1, 0]) == (-1, 0)
    slope = np.gradient(seen["u"][:, 0], x[:, 0])[1:-1]
    np.testing.assert_allclose(seen["du"][1:-1, 0], slope, rtol=0, atol=2e-3)


def test_the_figures_are_the_errors_on_the_test_lattice(run, model):
    stated = {e["name"]: e for e in release.figures(run / "release")}
    axis = np.linspace(-1, 1, 21)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    truth = np.sin(np.pi * x) * np.sin(np.pi * y)
    points = np.stack([x, y], -1)
    found = model.predict(points)[..., 0]
    wanted = np.linalg.norm(found - truth) / np.linalg.norm(truth)
    assert stated["test/relative_l2"]["value"] == pytest.approx(wanted, rel=1e-5)
    left = x <= 1e-9
    wanted = np.linalg.norm((found - truth)[left]) / np.linalg.norm(truth[left])
    assert stated["test/left/relative_l2"]["value"] == pytest.approx(wanted, rel=1e-5)
    laplacian = sum(model.predict(points, derivatives=(n, n))[..., 0] for n in ("x", "y"))
    source = -0.02 * np.pi**2 * truth + truth**3 - truth
    residual = 0.01 * laplacian + found**3 - found - source
    wanted = np.sqrt((residual**2).sum() * 0.01)
    assert stated["test/residual_l2"]["value"] == pytest.approx(wanted, rel=1e-4)
    assert stated["test/relative_l2"]["trivial"] == pytest.approx(1)
    assert stated["test/relative_l2"]["n"] == 441 and stated["test/relative_l2"]["remeasure"]


def test_verify_measures_the_test_figures_again(run, zoo):
    code, out, _ = zoo("verify", run / "release")
    assert code == 0 and "all checks passed" in out
    for name in ("test/relative_l2", "test/left/residual_l2", "test/rest/forcing_relative_l2"):
        row = next(line for line in out.splitlines() if name in line)
        assert row.startswith("pass")


def test_verify_finds_a_figure_that_is_wrong(run, zoo, tmp_path):
    copy = shutil.copytree(run / "release", tmp_path / "copy")
    entries = json.loads((copy / "metrics.json").read_text())
    for entry in entries:
        if entry["name"] == "test/gradient_relative_l2":
            entry["value"] *= 0.9
    (copy / "metrics.json").write_text(json.dumps(entries))
    code, out, _ = zoo("verify", copy)
    assert code == 1
    row = next(line for line in out.splitlines() if "test/gradient_relative_l2" in line)
    assert row.startswith("FAIL")


WIDE = points(
    part(
        "Interior",
        count=200,
        name="old",
        targets=[block(f"{TARGETS}.distilled.Distilled", teacher="?")],
        **LEFT,
    ),
    part("Interior", count=200, where={"x": [0.0, 1.0]}),
    part("Sides", points_per_side=21),
)


def extended(run, **changes):
    """The next stage: residuals on the right, the teacher's derivatives on the left."""
    data = yaml.safe_load(yaml.safe_dump(WIDE))
    teacher = block("zoo.from_pretrained", x=str(run / "release"))
    data["init_args"]["parts"][0]["init_args"]["targets"][0]["init_args"]["teacher"] = teacher
    content = field(data, 1, **changes)
    interior = content["model"]["objective"]["init_args"]["interior"]
    interior[0]["init_args"] = {"part": "old"}
    interior.append(block(f"{TERMS}.residual.Residual"))
    return content


def test_the_next_stage_starts_from_the_weights_on_a_wider_region(run, zoo, here):
    content = extended(run)
    content["model"]["net"], content["model"]["init_from"] = None, str(run / "release")
    content["trainer"]["limit_train_batches"] = 0
    assert zoo("fit", "-c", write(here / "same.yaml", content))[0] == 0
    again = package.from_pretrained(here / "runs" / "same" / "release")
    x = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    assert again.interface.region == ((-1, 1), (-1, 1))
    before = package.from_pretrained(run / "release").predict(x)
    np.testing.assert_array_equal(again.predict(x), before)
    code, out, _ = zoo("compare", run / "release", here / "runs" / "same" / "release")
    assert code == 0
    assert "[-1, 0] × [-1, 1]" in out and "[-1, 1] × [-1, 1]" in out
    assert "(relative L2): 0" in out


def test_a_student_learns_from_a_released_teacher(run, zoo, here):
    code, _, err = zoo("fit", "-c", write(here / "student.yaml", extended(run)))
    assert code == 0, err
    student = package.from_pretrained(here / "runs" / "student" / "release")
    assert student.interface.region == ((-1, 1), (-1, 1))


def test_a_run_that_was_cut_in_an_epoch_goes_on_to_the_same_bits(run, zoo, here):
    whole = write(here / "cut.yaml", field(STAGE, save_seconds=0))
    halt = block("tests.cli.halt.Halt", moment="step", step=6)
    stop = write(here / "stop.yaml", {"trainer": {"callbacks": [halt]}})
    cut = ["-c", whole, "--trainer.default_root_dir", "cut"]
    code, _, err = zoo("fit", *cut, "-c", stop)
    assert code == 1 and "halted" in err
    assert zoo("fit", *cut, "--ckpt_path", "cut/checkpoints/last.ckpt")[0] == 0
    released = [f / "release" / "model.safetensors" for f in (run, here / "cut")]
    assert released[0].read_bytes() == released[1].read_bytes()


def test_in_double_precision_the_weights_differ_and_the_release_is_single(run, zoo, here):
    content = field(STAGE, trainer={"max_epochs": 3, "accelerator": "cpu", "precision": "64-true"})
    assert zoo("fit", "-c", write(here / "wide.yaml", content))[0] == 0
    made = here / "runs" / "wide"
    kept = torch.load(made / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert {value.dtype for value in kept.values()} == {torch.float64}
    words = ["--model.net", "null", "--model.init_from", made / "release"]
    assert zoo("test", "-c", made / "recipe.yaml", *words)[0] == 0
    assert zoo("verify", made / "release")[0] == 0
    wide, single = (package.from_pretrained(f / "release").state_dict() for f in (made, run))
    for name, value in wide.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, single[name], rtol=0, atol=1e-2)
    assert any(not torch.equal(value, single[name]) for name, value in wide.items())


MISTAKES = {
    "no part to fix the constant": (
        lambda c: c["model"]["objective"]["init_args"].update(sides=None),
        "the constant of integration is not fixed",
    ),
    "a part that is not there": (
        lambda c: c["data"]["init_args"]["parts"].pop(1),
        "value_boundary: no part 'boundary'; the data have ['interior']",
    ),
    "a parameter as a coordinate": (
        lambda c: c["data"]["init_args"]["parts"][0]["init_args"].update(where={"u": [0, 1]}),
        "where.u is unknown; steady_allen_cahn has the coordinates",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_a_few_lines(mistake, zoo, here):
    change, words = MISTAKES[mistake]
    content = field(yaml.safe_load(yaml.safe_dump(STAGE)))
    change(content)
    code, _, err = zoo("fit", "-c", write(here / "wrong.yaml", content))
    assert code != 0 and words in err and "Traceback" not in err
    assert len(err.strip().splitlines()) <= 5


def test_a_teacher_is_not_asked_outside_its_region(run, zoo, here):
    content = extended(run)
    content["data"]["init_args"]["parts"][0]["init_args"]["where"] = {"x": [-1.0, 0.5]}
    code, _, err = zoo("fit", "-c", write(here / "wrong.yaml", content))
    assert code != 0 and "lies outside [-1, 0], where the teacher was trained" in err
