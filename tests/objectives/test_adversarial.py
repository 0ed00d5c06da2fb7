"""Points that move to where the loss is large, each step derived again."""

import pytest
import torch
from torch.testing import assert_close

from tests.objectives import toys
from tests.objectives.noisy import Noisy
from tests.waves import Wave
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.objectives.adversarial import Adversarial
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value
from zoo.pde.points.equation import PointEquation


class Line(Wave):
    """The wave on a line without ends: only times lie outside."""

    def distance(self, x):
        return (x[:, 0] - 2).clamp(min=0) + (-x[:, 0]).clamp(min=0)


@pytest.fixture(scope="module")
def wave():
    data = toys.wave(Line())
    model = toys.field(data)
    return model, {**toys.wide(data), "interior": bare(toys.wide(data)["interior"])}


def bare(part):
    return {"x": part["x"], "weight": part["weight"]}


def moved(wave, adversary, monkeypatch):
    """The parts that the terms have seen at last, by name."""
    seen = {}
    for kind in (Residual, Value):
        inner = kind.forward

        def look(self, model, jet, part, equation, inner=inner):
            seen[self.part] = part
            return inner(self, model, jet, part, equation)

        monkeypatch.setattr(kind, "forward", look)
    objective = Pointwise([Residual()], [Value("initial")], adversary=adversary)
    return seen, objective(*wave)


def loss(model, equation, x):
    """R² of one point, with derivatives by central differences."""
    h = 1e-4
    values = [
        float(model(x[None] + sign * h * torch.eye(3, dtype=x.dtype)[axis]).detach())
        for axis in (0, 1)
        for sign in (1, -1)
    ]
    by_t, by_x = (values[0] - values[1]) / (2 * h), (values[2] - values[3]) / (2 * h)
    return (by_t + float(x[2]) * by_x) ** 2


def test_a_step_goes_by_the_sign_of_the_loss_s_slope_in_every_coordinate(wave, monkeypatch):
    model, batch = wave
    seen, _ = moved(wave, Adversarial(1, 0.01), monkeypatch)
    h, eye = 1e-3, torch.eye(3, dtype=torch.float64)
    for x, found in zip(batch["interior"]["x"], seen["interior"]["x"], strict=True):
        slopes = [
            loss(model, None, x + h * eye[i]) - loss(model, None, x - h * eye[i]) for i in (0, 1)
        ]
        wanted = x + 0.01 * torch.tensor([*slopes, 0.0], dtype=x.dtype).sign()
        assert_close(found, wanted.clamp(torch.tensor([0.0, -9, 0]), torch.tensor([2.0, 9, 9])))


def test_the_loss_rises(wave, monkeypatch):
    model, batch = wave
    plain = Pointwise([Residual()], [Value("initial")])(model, batch)
    _, found = moved(wave, Adversarial(10, 0.01), monkeypatch)
    assert float(found["residual_interior"]) > 1.01 * float(plain["residual_interior"])
    assert float(found["value_initial"]) > 1.1 * float(plain["value_initial"])


def test_times_stay_in_their_interval_and_places_are_free(wave, monkeypatch):
    seen, _ = moved(wave, Adversarial(30, 0.2), monkeypatch)
    x = seen["interior"]["x"]
    assert float(x[:, 0].min()) >= 0 and float(x[:, 0].max()) <= 2
    assert float(x[:, 1].abs().max()) > 2


def test_initial_points_keep_their_time_and_their_values_follow(wave, monkeypatch):
    _, batch = wave
    seen, _ = moved(wave, Adversarial(3, 0.05), monkeypatch)
    part = seen["initial"]
    away = (part["x"] - batch["initial"]["x"]).abs()
    assert bool((away[:, [0, 2]] == 0).all()) and float(away[:, 1].min()) > 0.04
    assert_close(part["y"], batch["equation"].solution(part["x"]))


def test_parameters_of_the_equation_stay(wave, monkeypatch):
    seen, _ = moved(wave, Adversarial(3, 0.05), monkeypatch)
    assert torch.equal(seen["interior"]["x"][:, 2], wave[1]["interior"]["x"][:, 2])


def test_points_go_back_to_the_nearest_one_of_a_bounded_domain():
    part = {"x": torch.tensor([[0.9, -0.9], [0.2, 0.95]], dtype=torch.float64)}
    square = toys.square().equation
    found = Adversarial(2, 0.3).worst("interior", part, square, lambda p: p["x"].sum(1))
    assert_close(found["x"], torch.tensor([[1.0, -0.3], [0.8, 1.0]]).double())


class Ball(PointEquation):
    """A unit ball, told by its distance alone."""

    name = "ball"
    coordinates = ("x", "y", "z")
    region = dict.fromkeys(("x", "y", "z"), (-1.0, 1.0))
    units = dict.fromkeys(("x", "y", "z", "u"), "1")

    def residual(self, x, jet):
        return jet.gradient[..., 0]

    def distance(self, x):
        return (x.norm(dim=1) - 1).clamp(min=0)


def test_in_a_ball_the_nearest_point_lies_on_its_radius():
    x = torch.tensor([[0.9, 0.0, 0.0], [0.3, 0.2, 0.1]], dtype=torch.float64)
    part = Adversarial(1, 0.5).worst("interior", {"x": x}, Ball(), lambda p: p["x"].sum(1))["x"]
    assert_close(part[0], torch.tensor([1.4, 0.5, 0.5]).double() / (1.96 + 0.5) ** 0.5)
    assert_close(part[1], torch.tensor([0.8, 0.7, 0.6]).double() / (0.64 + 0.49 + 0.36) ** 0.5)


def test_the_parameters_gradients_stay_empty_until_the_loss_s_own(wave):
    model, batch = wave
    objective = Pointwise([Residual()], [Value("initial")], adversary=Adversarial(3))
    objective(model, batch)["loss"].backward()
    grads = [p.grad.clone() for p in model.parameters()]
    torch.manual_seed(0)
    model.zero_grad()
    found = objective(model, batch)["loss"]
    assert all(p.grad is None for p in model.parameters())
    for one, row in zip(grads, torch.autograd.grad(found, list(model.parameters())), strict=True):
        assert_close(one, row)


def test_an_estimator_draws_anew_at_each_step(wave):
    estimator = Noisy(0.1)
    adversary = Adversarial(4, parts=["interior"])
    Pointwise(
        [Residual(biased=True)], [Value("initial")], estimator=estimator, adversary=adversary
    )(*wave)
    assert len(estimator.asked) == 5


def test_the_batch_stays_as_it_was(wave):
    _, batch = wave
    before = {name: batch[name]["x"].clone() for name in ("interior", "initial")}
    Pointwise([Residual()], [Value("initial")], adversary=Adversarial(2))(*wave)
    assert all(torch.equal(batch[name]["x"], x) for name, x in before.items())


def targets():
    data = Points(Line(), [Interior(4)])
    part = {**toys.wide(data)["interior"], "dy": torch.zeros(4, 1, 2)}
    Adversarial().worst("interior", part, Line(), lambda p: p["x"].sum(1))


MISTAKES = {
    "targets that do not follow": (targets, r"its targets \['dy'\] do not follow them"),
    "sides": (lambda: Adversarial(parts=["boundary"]), "'boundary' cannot move"),
    "no steps": (lambda: Adversarial(0), "steps=0, size=0.05: at least 1, above 0"),
    "no size": (lambda: Adversarial(size=0.0), "size=0.0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()
