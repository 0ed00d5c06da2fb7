"""The card of a field: lines that run, intervals, and a recipe that may come from the Hub."""

import re

import numpy as np
import pytest
import yaml

import zoo
from zoo import allowlist, card, reading
from zoo.data.points.points import Points
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.decaying_allen_cahn import DecayingAllenCahn
from zoo.pde.points.pendulum import Pendulum
from zoo.pde.points.two_mode_allen_cahn import TwoModeAllenCahn

EQUATIONS = [SteadyAllenCahn(), DecayingAllenCahn(), TwoModeAllenCahn(), Pendulum()]


@pytest.fixture(params=EQUATIONS, ids=lambda e: e.name)
def released(request, tmp_path):
    equation = request.param
    data = Points(equation)
    model = MLP(data.interface(), ByRegion(), width=5, layers=1)
    about = {"ranges": data.ranges(), "equations": data.equations}
    return equation, zoo.save_pretrained(model, tmp_path / "m", about=about)


def test_the_lines_on_the_card_run_as_they_stand(released, tmp_path, monkeypatch):
    equation, folder = released
    code = re.search(r"```python\n(.*?)```", card.card(folder), re.S)[1]
    monkeypatch.chdir(tmp_path)
    seen = {}
    exec(code, seen)
    assert seen["u"].shape == seen["du"].shape == (101, len(equation.outputs))
    model = zoo.from_pretrained(folder)
    columns = [seen["x"], *([list(seen["p"].values())] if equation.parameters else [])]
    for name, values in zip(
        (*equation.coordinates, *equation.parameters),
        np.concatenate([np.broadcast_to(c, (101, np.shape(c)[-1])) for c in columns], 1).T,
        strict=True,
    ):
        low, high = equation.region[name]
        assert low <= values.min() and values.max() <= high + 1e-9, name
    p = (seen["p"],) if equation.parameters else ()
    np.testing.assert_array_equal(model.predict(seen["x"], *p), seen["u"])
    slope = np.gradient(seen["u"][:, 0], seen["x"][:, 0])[1:-1]
    np.testing.assert_allclose(seen["du"][1:-1, 0], slope, rtol=0, atol=3e-3)


def test_the_card_tells_the_interval_of_every_coordinate_and_parameter(released):
    equation, folder = released
    lines = card.card(folder).splitlines()
    for name, (low, high) in equation.region.items():
        assert f"| {equation.name} | {name} | {low:g} to {high:g} |" in lines


RECIPE = {
    "model": {
        "net": {"class_path": "zoo.models.mlp.MLP"},
        "objective": {
            "class_path": "zoo.objectives.pointwise.Pointwise",
            "init_args": {
                "interior": [{"class_path": "zoo.objectives.terms.gradient.Gradient"}],
                "sides": [
                    {
                        "class_path": "zoo.objectives.terms.value.Value",
                        "init_args": {"part": "boundary"},
                    }
                ],
            },
        },
        "metrics": [{"class_path": "zoo.metrics.point_error.PointError"}],
    },
    "data": {
        "class_path": "zoo.data.points.points.Points",
        "init_args": {
            "equation": {"class_path": "zoo.pde.points.allen_cahn.SteadyAllenCahn"},
            "parts": [
                {
                    "class_path": "zoo.data.points.interior.Interior",
                    "init_args": {
                        "where": {"x": [-1.0, 0.0]},
                        "targets": [
                            {
                                "class_path": "zoo.data.targets.distilled.Distilled",
                                "init_args": {
                                    "teacher": {
                                        "class_path": "zoo.from_pretrained",
                                        "init_args": {"x": "someone/teacher"},
                                    }
                                },
                            }
                        ],
                    },
                },
                {"class_path": "zoo.data.points.sides.Sides", "init_args": {"count": 40}},
            ],
            "evaluation": {"points_per_side": 21, "regions": {"left": {"x": [-1.0, 0.0]}}},
        },
    },
}


def test_a_recipe_for_points_may_come_from_the_hub(tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    allowlist.check(reading.read(tmp_path / "recipe.yaml"))
