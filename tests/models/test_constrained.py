"""A field that holds a field: what it meets by construction, its derivatives, and its block."""

import json
import os
import sys

import pytest
import torch
from torch.testing import assert_close

import zoo
from zoo import release
from zoo.models.base import BlockError, Interface, block, build
from zoo.models.constrained import Constrained
from zoo.models.field import Estimator
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.models.smoothed import Smoothed
from zoo.ops.jets import AutogradJet, Jet
from zoo.pde.points.allen_cahn import SteadyAllenCahn
from zoo.pde.points.hamilton_jacobi_bellman import HamiltonJacobiBellman
from zoo.pde.points.heat_ball import HeatBall

BALL = HeatBall(2)


def face(equation):
    region = tuple(equation.region.values())
    return Interface(equation.coordinates, equation.outputs, equation.parameters, region=region)


def net(equation):
    torch.manual_seed(3)
    return MLP(face(equation), ByRegion(), width=7, layers=2).double()


def draw(equation=BALL, inner=None):
    return Constrained(face(equation), inner or net(equation), equation=equation)


def points(equation=BALL, count=6):
    return equation.draw(count, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("equation", [BALL, HamiltonJacobiBellman(3)], ids=lambda e: e.name)
def test_initial_values_are_met_whatever_the_weights(equation):
    x = equation.draw_initial(50, torch.Generator().manual_seed(1))
    assert_close(draw(equation)(x), equation.initial(x)["y"])


def test_values_at_the_sides_are_met_whatever_the_weights():
    x = BALL.draw_sides(50, torch.Generator().manual_seed(1))
    assert_close(draw()(x), BALL.boundary(x))


def test_inside_the_field_is_free():
    model, x = draw(), points()
    known, factor = BALL.ansatz(x)
    assert_close(model(x), known.value + factor.value * model.inner(x))


V = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
WANTED = {
    "value": lambda jet: jet.value,
    "gradient": lambda jet: jet.gradient,
    "second": lambda jet: jet.second([2, 1]),
    "laplacian": lambda jet: jet.laplacian([1, 2]),
    "hessian": lambda jet: jet.hessian,
    "u_t": lambda jet: jet.derivative(0),
    "along": lambda jet: jet.along(V.expand(len(jet.value), 3)),
    "square gradient": lambda jet: jet.square_gradient([1, 2]),
}


@pytest.mark.parametrize("name", WANTED)
def test_its_jet_is_automatic_differentiation_of_the_whole(name):
    model, found = draw(), []
    for make in (model.jet, lambda x: AutogradJet(model, x, 3)):
        values = WANTED[name](make(points()))
        grads = torch.autograd.grad(
            values.square().sum(), list(model.parameters()), allow_unused=True
        )
        found.append([values, *(g for g in grads if g is not None)])
    assert_close(*found, rtol=1e-9, atol=1e-12)


def test_the_residual_of_the_ball_s_free_part_is_zero_where_it_is_one():
    model, x = draw(), points()
    with torch.no_grad():
        model.inner.linear[2].weight.zero_()
        model.inner.linear[2].bias.fill_(1.0)
    assert float(BALL.residual(x, model.jet(x)).detach().abs().max()) < 1e-12


def test_the_estimator_sees_the_inner_field_alone():
    class Own(Estimator):
        def jet(self, field, x) -> Jet:
            asked.append(field)
            return AutogradJet(field, x, 3)

    asked, model = [], draw()
    jet = model.jet(points(), by=Own())
    assert asked == [model.inner]
    assert_close(jet.laplacian(), model.jet(points()).laplacian())


def test_around_a_smoothed_field_it_is_the_product_with_the_smoothed_one():
    """Against automatic differentiation of the mean over the same draws, in eval."""
    inner = net(BALL)
    smooth = Smoothed(inner.interface, inner, sigma=0.1, samples=4, eval_samples=60)
    model = draw(inner=smooth.eval())
    x = points(count=2)
    known, factor = BALL.ansatz(x)
    jet, own = model.jet(x), smooth.jet(x)
    assert not jet.exact
    assert_close(jet.value, model(x))
    rise = (factor.gradient * own.gradient)[..., 1:].sum(-1)
    want = known.laplacian([1, 2]) + factor.value * own.laplacian([1, 2])
    assert_close(jet.laplacian([1, 2]), want + 2 * rise + own.value * factor.laplacian([1, 2]))


@pytest.mark.parametrize("name", ["value", "gradient", "laplacian", "square gradient"])
def test_estimates_of_it_are_unbiased(name):
    """Against the jet itself where N is linear, so that smoothing changes nothing."""
    inner = net(BALL)
    with torch.no_grad():  # tanh of next to nothing is linear
        inner.linear[0].weight.mul_(1e-4)
        inner.linear[2].weight.mul_(1e4)
    x = points(count=1).expand(40000, 3)
    with torch.no_grad():
        smooth = Smoothed(inner.interface, inner, sigma=0.3, samples=4)
        found = WANTED[name](draw(inner=smooth).jet(x))
        want = WANTED[name](draw(inner=inner).jet(x[:1]))[0]
    error = (found.mean(0) - want).abs()
    assert bool((error <= 4 * found.std(0) / 200 + 1e-6 * want.abs()).all())


def test_a_smoothed_constrained_field_is_the_mean_of_the_constrained_one():
    model = draw()
    smooth = Smoothed(model.interface, model, sigma=0.05, samples=2, eval_samples=4000).eval()
    x = points(count=3)
    assert_close(smooth(x), model(x), rtol=0, atol=0.02)
    found, exact = smooth.jet(x).laplacian([1, 2]), model.jet(x).laplacian([1, 2])
    assert_close(found, exact, rtol=0, atol=0.3)


def test_it_knows_where_it_is_made_for():
    x = torch.tensor([[0.5, 0.0, 0.3], [0.5, 2.0, 0.0]], dtype=torch.float64)
    assert draw().beyond(x).tolist() == pytest.approx([0.0, 1.0])
    smooth = Smoothed(draw().interface, draw(), sigma=0.25)
    assert smooth.beyond(x).tolist() == pytest.approx([0.0, 0.75])


def test_around_a_smoothed_field_it_has_a_meaning_as_far_outside_as_that_is_smoothed():
    inner = net(BALL)
    model = draw(inner=Smoothed(inner.interface, inner, sigma=0.25))
    x = torch.tensor([[0.5, 0.0, 1.2], [0.5, 2.0, 0.0]], dtype=torch.float64)
    assert model.beyond(x).tolist() == pytest.approx([0.0, 0.75])
    twice = Smoothed(model.interface, model, sigma=0.125)
    assert twice.beyond(x).tolist() == pytest.approx([0.0, 0.625])


def test_an_equation_without_an_ansatz_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"steady_allen_cahn has no ansatz.*term for the sides"):
        draw(SteadyAllenCahn())


def test_an_ansatz_that_is_none_at_the_points_is_refused_too(monkeypatch):
    model = draw()
    monkeypatch.setattr(HeatBall, "ansatz", lambda self, x: None)
    with pytest.raises(ValueError, match="heat_ball has no ansatz"):
        model(points())


def test_columns_that_are_not_the_equation_s_are_refused():
    other = Interface(("x1", "x2", "t"), ("u",), region=((0.0, 1.0),) * 3)
    with pytest.raises(BlockError, match=r"interface.inputs=.*heat_ball.*'t', 'x1', 'x2'"):
        Constrained(other, MLP(other), equation=BALL)


def nested():
    """Smoothed around constrained around a perceptron."""
    model = draw(HeatBall(3, end=0.5), None)
    return Smoothed(model.interface, model, samples=4, eval_samples=64, sigma=0.03).float()


def test_all_of_it_returns_from_a_block_that_states_the_interface_once():
    text = json.dumps(block(nested()))
    again = build(json.loads(text))
    assert text.count('"region"') == 1
    assert again.inner.equation.end == 0.5 and again.inner.inner.interface == nested().interface
    assert json.dumps(block(again)) == text


def test_all_of_it_returns_from_a_release_bit_for_bit(tmp_path):
    model = nested().eval()
    release.save_pretrained(model, tmp_path / "made")
    again = zoo.from_pretrained(tmp_path / "made")
    x = model.example(torch.Generator().manual_seed(4))["x"]
    assert torch.equal(again(x), model(x))
    assert torch.equal(again.jet(x).laplacian(), model.jet(x).laplacian())


def test_coordinates_of_a_release_keep_their_intervals_when_they_are_changed(tmp_path):
    inner = net(BALL).float()
    model = Smoothed(inner.interface, inner, eval_samples=4)
    release.save_pretrained(model, tmp_path / "made")
    wider = {"region": ((0.0, 2.0), (-2.0, 2.0), (-2.0, 2.0))}
    again = release.load(tmp_path / "made", frames=wider)
    assert again.interface.region == again.inner.interface.region == wider["region"]
    assert torch.equal(again.inner.linear[0].weight, inner.linear[0].weight)


HOSTILE = {
    "os.system": "outside",
    "zoo.release.os.system": "outside",
    "zoo.pde.points.heat_ball.torch.load": "no module",
    "zoo.pde.points.stored.stored": "not the own path",
    "zoo.pde.points.heat_ball.PointEquation": "not the own path",
    "zoo.pde.points.radial_jet.RadialJet": "no PointEquation",
    "zoo.pde.points_of_others.Heat": "outside",
    "zoo.pde.poisson.Poisson": "outside",
    "zoo.data.points.points.Points": "outside",
    "zoo.models.mlp.MLP": "no PointEquation",
}


@pytest.mark.parametrize("path", HOSTILE)
def test_an_equation_that_is_none_of_ours_is_refused(path, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("called"))
    bad = block(draw())
    bad["init_args"]["equation"] = {"class_path": path, "init_args": {}}
    with pytest.raises(BlockError, match=HOSTILE[path]):
        build(bad)


def test_a_module_of_others_is_not_imported_for_an_equation():
    bad = block(draw())
    bad["init_args"]["equation"] = {"class_path": "this.s"}
    sys.modules.pop("this", None)
    with pytest.raises(BlockError, match="outside"):
        build(bad)
    assert "this" not in sys.modules


@pytest.mark.parametrize("name", ["inner", "normaliser"])
def test_an_equation_is_built_nowhere_else(name):
    bad = block(draw() if name == "inner" else net(BALL))
    bad["init_args"][name] = block(BALL)
    with pytest.raises(BlockError, match="lies outside"):
        build(bad)


def test_an_equation_alone_is_no_model():
    with pytest.raises(BlockError, match="lies outside"):
        build(block(BALL))


def test_an_inner_model_that_is_no_field_is_refused():
    bad = block(draw())
    bad["init_args"]["inner"] = block(ByRegion())
    with pytest.raises(BlockError, match="inner is a ByRegion; it must be a Field"):
        build(bad)


def test_an_equation_is_built_with_its_numbers_although_a_model_is_built_without_storage():
    with torch.device("meta"):
        model = build(block(draw()))
    assert next(model.parameters()).is_meta
    assert model.equation.ansatz(points())[0].value.isfinite().all()
