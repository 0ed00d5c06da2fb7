"""Points outside of the domain that a field is made for are named; other fields extrapolate."""

import numpy as np
import pytest
import torch

from zoo.models.base import Interface
from zoo.models.constrained import Constrained
from zoo.models.mlp import MLP
from zoo.models.smoothed import Smoothed
from zoo.pde.points.heat_ball import HeatBall

BALL = HeatBall(6)


class Inside(MLP):
    """A field that knows the ball and a radius of smoothing."""

    radius = 0.1

    def beyond(self, x):
        return (BALL.distance(x) - self.radius).clamp(min=0)


def made(kind):
    torch.manual_seed(0)
    face = Interface(BALL.coordinates, ("u",), region=tuple(BALL.region.values()))
    return kind(face, width=4, layers=1).eval()


def points(*radii):
    x = np.zeros((len(radii), 7))
    x[:, 0], x[:, 3] = 0.5, radii
    return x


def test_a_field_that_knows_of_no_domain_extrapolates():
    assert np.isfinite(made(MLP).predict(points(0.5, 40.0))).all()


def test_the_first_point_outside_is_named_with_how_far_it_is():
    words = (
        r"2 of 3 points lie outside the domain that this field is made for, first x\[1\] at "
        r"t = 0.5, x1 = 0, x2 = 0, x3 = 1.6, ..., 0.5 too far; move them inside"
    )
    with pytest.raises(ValueError, match=words):
        made(Inside).predict(points(0.5, 1.6, 2.0))
    with pytest.raises(ValueError, match="lie outside"):
        made(Inside).predict(points(1.6), derivatives=["t"])


def test_points_within_the_radius_of_smoothing_are_answered():
    model = made(Inside)
    np.testing.assert_array_equal(model.predict(points(1.09)), made(MLP).predict(points(1.09)))


def test_a_point_of_the_side_is_inside_whatever_its_round_off():
    model = made(Inside)
    model.radius = 0.0
    x = np.random.default_rng(0).normal(size=(500, 7))
    x[:, 0] = 0.3
    x[:, 1:] /= np.linalg.norm(x[:, 1:], axis=1, keepdims=True)
    assert model.predict(x).shape == (500, 1)


def test_a_constrained_field_knows_its_equation_s_domain():
    inner = made(MLP)
    model = Constrained(inner.interface, inner, equation=BALL).eval()
    assert np.isfinite(model.predict(points(0.9999))).all()
    with pytest.raises(ValueError, match=r"x3 = 1.05, ..., 0.05 too far"):
        model.predict(points(1.05))


def test_a_smoothed_one_answers_as_far_outside_as_it_is_smoothed():
    inner = made(MLP)
    known = Constrained(inner.interface, inner, equation=BALL)
    model = Smoothed(inner.interface, known, sigma=0.04, samples=2, eval_samples=2).eval()
    assert np.isfinite(model.predict(points(1.039))).all()
    with pytest.raises(ValueError, match="1 of 1 points lie outside"):
        model.predict(points(1.041))


def test_of_many_names_a_few_are_told():
    face = Interface(tuple(f"x{i}" for i in range(1, 301)), ("u",), region=((0.0, 1.0),) * 300)
    with pytest.raises(ValueError, match=r"\('x1', 'x2', ..., 'x300'\), 300 in all$"):
        MLP(face, width=2, layers=1).predict(np.zeros((2, 10)))
