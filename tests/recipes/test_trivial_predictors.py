"""What knows nothing of the manufactured equation is far from what its recipe promises."""

import pytest

from zoo import reading, shelf
from zoo import recipe as recipes
from zoo.data.points.predictors import scores
from zoo.data.points.sampled import Sampled
from zoo.models.base import build
from zoo.pde.points.equation import PointEquation

PATH = shelf.recipes()["highdim/manufactured"]
POINTS = 500
"""Where predictors are measured; they are fitted at as many as the recipe fits them at."""


def gates():
    (report,) = reading.read(PATH).content["report"]
    return {gate["top"]["stage"]: gate["high"] for gate in report["init_args"]["gates"]}


@pytest.mark.parametrize(("stage", "dimension"), [("hundred", 100), ("thousand", 1000)])
def test_no_trivial_predictor_comes_within_ten_times_the_gate(stage, dimension):
    chain = recipes.read(PATH)
    tree = chain.runs(chain.stage(stage))[0].tree()
    equation = build(tree["data"]["init_args"]["equation"], PointEquation, ("zoo.pde.",))
    assert len(equation.coordinates) == 1 + dimension
    points, _ = Sampled(POINTS).points(equation, "test")
    found = scores(equation, points, False, 0)["relative_l2"]
    assert {"constant", "affine", "quadratic", "ansatz_quadratic"} <= set(found)
    assert min(found.values()) >= max(0.1, 10 * gates()[stage]), found
