"""Cards and pictures of fields of many coordinates stay short."""

import re

import numpy as np
import pytest
import torch

import zoo
from zoo import card
from zoo.card_names import gathered
from zoo.data.points.fresh import Fresh
from zoo.models.mlp import MLP
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.plots import cloud_preview
from zoo.plots.field_preview import field_preview

DIMENSION = 40


@pytest.fixture
def data():
    return Fresh(HamiltonJacobiBellman(DIMENSION))


@pytest.fixture
def model(data):
    torch.manual_seed(0)
    return MLP(data.interface(), width=5, layers=1)


@pytest.fixture
def text(data, model, tmp_path):
    about = {"ranges": data.ranges(), "equations": data.equations}
    return card.card(zoo.save_pretrained(model, tmp_path / "m", about=about))


def test_numbered_coordinates_are_told_in_one_line(text):
    assert "| coordinate | t | 1 |\n| coordinate | x1 to x40 | 1 |\n| output | u | 1 |" in text
    assert "| hamilton_jacobi_bellman | x1 to x40 | -5 to 5 |" in text


def test_the_lines_on_the_card_run_as_they_stand(text, tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    monkeypatch.chdir(tmp_path)
    seen = {}
    exec(code.replace('"m"', repr(str(tmp_path / "m"))), seen)
    assert len(code.splitlines()) < 12 and seen["x"].shape == (101, 41)
    assert (seen["x"][:, 1:] == 2).all() and seen["u"].shape == seen["du"].shape == (101, 1)


def test_names_that_do_not_follow_or_differ_beside_stay_apart():
    few = [["x1", "1"], ["x2", "1"], ["x3", "1"], ["x4", "1"]]
    assert gathered(few, 0) == few
    gap = [[f"x{i}", "1"] for i in (1, 2, 3, 5, 6, 7)]
    assert gathered(gap, 0) == gap
    units = [[f"x{i}", "m" if i > 5 else "1"] for i in range(1, 12)]
    assert gathered(units, 0) == [["x1 to x5", "1"], ["x6 to x11", "m"]]


def test_the_picture_shows_prediction_over_truth_and_differences_over_time(
    data, model, monkeypatch
):
    figures, png = [], cloud_preview.png
    monkeypatch.setattr(cloud_preview, "png", lambda f: figures.append(f) or png(f))
    assert field_preview(model, data)[:4] == b"\x89PNG"
    left, right = figures[0].axes
    x = data.equation.draw(1000, torch.Generator().manual_seed(0))
    truth, found = data.equation.solution(x)[:, 0], model(x.float())[:, 0].detach()
    shown = left.lines[1].get_xydata()
    np.testing.assert_allclose(shown[:, 0], truth)
    np.testing.assert_allclose(shown[:, 1], found, rtol=1e-6)
    constant, difference = (line.get_xydata() for line in right.lines)
    np.testing.assert_allclose(difference[:, 0], x[:, 0])
    np.testing.assert_allclose(difference[:, 1], found.double() - truth, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(constant[:, 1], truth.mean() - truth)


def test_no_derivative_is_taken_for_a_picture(data, model, monkeypatch):
    def refused(self, x, by=None):
        raise AssertionError("a jet of many coordinates")

    monkeypatch.setattr(MLP, "jet", refused)
    field_preview(model, data)
