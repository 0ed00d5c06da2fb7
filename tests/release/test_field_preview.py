"""The picture of a field shows the truth, what the model says, their difference, the residual."""

import math

import numpy as np
import pytest
import torch

from tests.waves import Disc, Wave
from zoo.data.points.instances import Instances
from zoo.data.points.points import Points
from zoo.models.mlp import MLP
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.pendulum import Pendulum
from zoo.plots import field_preview


class Rolling(Wave):
    """The wave in a channel of two more coordinates."""

    coordinates = ("t", "x", "y")
    periodic = ()
    units = {**Wave.units, "y": "m"}  # noqa: RUF012 - as in the class above

    @property
    def region(self):
        return {"t": (0.0, 2.0), "x": (0.0, 1.0), "y": (-1.0, 3.0), "s": (1.0, 3.0)}

    def solution(self, x):
        return (x[:, 1:2] - x[:, :1] * x[:, 3:]).sin() * x[:, 2:3]

    def residual(self, x, jet):
        return jet.gradient[..., 0] + x[:, 3:] * jet.gradient[..., 1]


@pytest.fixture
def shown(monkeypatch):
    """The figure itself, and the bytes that are made of it."""

    def run(equation, count=1):
        data = Points(equation, instances=Instances(1, count, 1))
        torch.manual_seed(0)
        model = MLP(data.interface(), width=6, layers=1)
        figures, png = [], field_preview.png
        monkeypatch.setattr(field_preview, "png", lambda f: figures.append(f) or png(f))
        told = field_preview.field_preview(model, data)
        monkeypatch.undo()
        return figures[0], told, model, data.instances.draw(equation)["validation"]

    return run


def images(figure):
    found = {ax.get_title(): ax.images[0] for ax in figure.axes if ax.images}
    return {title: np.asarray(image.get_array().filled(np.nan)).T for title, image in found.items()}


def square(n=101):
    axis = torch.linspace(-1, 1, n, dtype=torch.float64)
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).flatten(0, 1)


def test_a_plane_shows_truth_prediction_difference_and_residual(shown):
    figure, told, model, _ = shown(SteadyAllenCahn())
    found, x = images(figure), square()
    assert told[:4] == b"\x89PNG"
    assert list(found) == ["truth u", "prediction u", "difference", "|residual|"]
    u = (math.pi * x).sin().prod(1).numpy().reshape(101, 101)
    with torch.no_grad():
        said = model(x.float()).double().numpy().reshape(101, 101)
        left = SteadyAllenCahn().residual(x.float(), model.jet(x.float())).abs()
    np.testing.assert_allclose(found["truth u"], u, atol=1e-12)
    np.testing.assert_allclose(found["prediction u"], said, atol=1e-6)
    np.testing.assert_allclose(found["difference"], said - u, atol=1e-6)
    np.testing.assert_allclose(found["|residual|"], left.numpy().reshape(101, 101), atol=1e-5)
    assert {ax.get_aspect() for ax in figure.axes if ax.images} == {1.0}


def test_of_more_coordinates_time_is_at_its_end_and_the_rest_in_the_middle(shown):
    figure, _, _, (instance,) = shown(Rolling())
    x, y = np.meshgrid(np.linspace(0, 1, 101), np.linspace(-1, 3, 101), indexing="ij")
    speed = float(instance[0])
    np.testing.assert_allclose(images(figure)["truth u"], np.sin(x - 2 * speed) * y, atol=1e-12)
    assert figure.get_suptitle() == f"t = 2, s = {speed:.3g}"
    assert figure.axes[0].get_ylabel() == "y [m]"


def test_a_wave_is_shown_over_time_and_space(shown):
    figure, _, _, _ = shown(Wave())
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_aspect()) == ("t", "x", "auto")
    assert tuple(axes.images[0].get_extent()) == (0, 2, 0, 1)


def test_outside_the_domain_nothing_is_shown_and_without_a_solution_no_truth(shown):
    figure, _, _, _ = shown(Disc())
    found, inside = images(figure), (square().square().sum(1) <= 1).numpy().reshape(101, 101)
    assert list(found) == ["prediction u", "|residual|"]
    assert (np.isnan(found["prediction u"]) == ~inside).all()


def test_of_one_coordinate_each_row_is_an_instance(shown):
    figure, _, model, values = shown(Pendulum(end=1.0), 4)
    rows = figure.axes
    assert len(rows) == 6  # three instances at most
    for ax, (u0, v0) in zip(rows[::2], values.tolist(), strict=False):
        assert ax.get_title() == f"u0 = {u0:.3g}, v0 = {v0:.3g}"
        lines = {line.get_label(): line.get_xydata() for line in ax.lines}
        t, u = lines["truth"].T
        assert u[0] == pytest.approx(u0) and (u[1] - u[0]) / t[1] == pytest.approx(v0, abs=0.01)
        x = torch.tensor([[t[50], u0, v0]]).float()
        assert lines["prediction"][50, 1] == pytest.approx(float(model(x).detach()), abs=1e-6)


def test_equal_fields_give_equal_bytes(shown):
    assert shown(Wave())[1] == shown(Wave())[1]
