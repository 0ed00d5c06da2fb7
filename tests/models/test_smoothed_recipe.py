"""Models that hold models, as a recipe writes them."""

import json

import pytest
import torch

import zoo
from tests.cli.conftest import recipe, write
from zoo.cli import main
from zoo.models.constrained import Constrained
from zoo.models.smoothed import Draws, Smoothed

TERMS = "zoo.objectives.terms"


def block(path, **arguments):
    return {"class_path": path, **({"init_args": arguments} if arguments else {})}


HEAT = block("zoo.pde.points.heat_ball.HeatBall", dimension=4)
PERCEPTRON = block("zoo.models.mlp.MLP", width=6, layers=1)
DRAWS = {"shared": True, "seed": 3}
SMOOTHED = block(
    "zoo.models.smoothed.Smoothed", inner=PERCEPTRON, samples=8, eval_samples=8, draws=DRAWS
)


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    parts = [block(f"zoo.data.points.{k.lower()}.{k}", count=20) for k in ("Interior", "Initial")]
    given = {"equation": HEAT, "parts": parts, "evaluation": {"points_per_side": 3}}
    terms = {
        "interior": [block(f"{TERMS}.residual.Residual")],
        "sides": [block(f"{TERMS}.value.Value", part="initial")],
    }
    pointwise = block("zoo.objectives.pointwise.Pointwise", **terms)
    model = {
        "net": block("zoo.models.constrained.Constrained", inner=SMOOTHED, equation=HEAT),
        "objective": pointwise,
        "metrics": [block("zoo.metrics.point_error.PointError")],
    }
    content = recipe(1, model=model, data=block("zoo.data.points.points.Points", **given))
    assert main(["fit", "-c", write("ball.yaml", content)]) == 0
    return tmp_path / "runs" / "ball" / "release"


def test_inner_models_take_the_interface_of_the_data(fitted):
    net = zoo.from_pretrained(fitted)
    assert isinstance(net, Constrained) and isinstance(net.inner, Smoothed)
    assert net.inner.inner.interface == net.interface
    assert net.inner.draws == Draws(shared=True, seed=3)
    assert net.equation.dimension == 4
    x = net.equation.draw_initial(5, torch.Generator().manual_seed(0)).float()
    assert torch.allclose(net(x), net.equation.initial(x)["y"])
    config = json.loads((fitted / "config.json").read_text())
    assert json.dumps(config["model"]).count('"region"') == 1
