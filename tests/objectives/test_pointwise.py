"""How terms over points are summed, by one process and by two, and what is refused."""

import pytest
import torch
from torch.testing import assert_close

from tests.objectives import parallel_points, toys
from tests.objectives.toys import scalars
from zoo.data.points.interior import Interior
from zoo.data.points.points import Points
from zoo.data.points.sides import Sides
from zoo.data.targets.analytic import Analytic
from zoo.models.constrained import Constrained
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.gradient import Gradient
from zoo.objectives.terms.hessian import Hessian
from zoo.objectives.terms.periodic import Periodic
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.side_residual import SideResidual
from zoo.objectives.terms.stochastic_hessian import StochasticHessian
from zoo.objectives.terms.value import Value
from zoo.objectives.terms.velocity import Velocity
from zoo.pde.points.heat_ball import HeatBall


@pytest.fixture(scope="module")
def wave():
    data = toys.wave()
    return toys.field(data), toys.wide(data)


def test_the_loss_is_the_weighted_sum_of_means_over_parts_of_any_size(wave):
    parts = [Gradient(weight=0.25), Value("initial", 3.0), Periodic(weight=0.5)]
    found = scalars(wave, *parts, fixed=False)
    each = [scalars(wave, part)[title] for part, title in zip(parts, list(found)[1:], strict=True)]
    assert list(found)[1:] == ["gradient_interior", "value_initial", "periodic_periodic"]
    assert found["loss"] == pytest.approx(0.25 * each[0] + 3 * each[1] + 0.5 * each[2])
    assert list(found.values())[1:] == pytest.approx(each)  # logged without their weights


def test_two_terms_of_a_kind_on_one_part_keep_names_apart(wave):
    found = scalars(wave, Gradient(by=["t"]), Gradient(by=["x"], weight=2.0), Value("initial"))
    assert {"gradient_interior_1", "gradient_interior_2", "value_initial"} < set(found)
    alone = [scalars(wave, Gradient(by=[name]))["gradient_interior"] for name in ("t", "x")]
    assert [found["gradient_interior_1"], found["gradient_interior_2"]] == pytest.approx(alone)


def test_terms_on_one_part_share_one_jet(wave, monkeypatch):
    model, batch = wave
    asked, jet = [], MLP.jet
    monkeypatch.setattr(MLP, "jet", lambda self, x: asked.append(x) or jet(self, x))
    inside = [Value("interior"), Gradient(), Hessian(), Residual()]
    Pointwise(inside, [Value("initial")])(model, batch)
    # values alone, as on the initial part, need no jet
    assert [id(x) for x in asked] == [id(batch["interior"]["x"])]


def test_terms_that_see_values_alone_have_no_derivative_to_look_at(wave):
    class Mistaken(Gradient):
        derivatives = False

    model, batch = wave
    with pytest.raises(NotImplementedError, match="set `derivatives` of the term"):
        Pointwise([Mistaken()], [Value("initial")])(model, batch)


def test_sides_are_added_to_the_interior(wave):
    model, batch = wave
    apart = Pointwise([Gradient()], [Value("initial")])(model, batch)["loss"]
    assert_close(Pointwise([Gradient(), Value("initial")])(model, batch)["loss"], apart)


def test_two_processes_take_the_steps_of_one(ranks):
    zero, one = ranks("points")
    for name, tensor in zero.items():
        assert torch.equal(tensor, one[name]), name
    for run in parallel_points.RUNS:
        for key, tensor in parallel_points.train(run).items():
            assert_close(zero[f"{run}/{key}"], tensor, rtol=0, atol=1e-12, msg=f"{run}/{key}")
    for key, figure in parallel_points.measured().items():
        assert float(zero[f"figures/{key}"]) == pytest.approx(float(figure), rel=1e-12), key


def test_a_field_that_meets_what_is_known_needs_no_term_for_it():
    data = Points(HeatBall(2), [Interior(5)], seed=1)
    net = toys.field(data)
    held = Constrained(net.interface, net, equation=HeatBall(2))
    loss = step(Residual(), data=data, net=held)["loss"]
    loss.backward()
    assert float(loss.detach()) > 0 and all(bool(p.grad.any()) for p in held.parameters())


# ---- bad input


def step(*parts, data=None, net=None):
    """One step of an objective on the points of a square."""
    data = toys.square() if data is None else data
    net = toys.field(data) if net is None else net
    objective = Pointwise(list(parts))
    objective.bind(net, data.interface())
    return objective(net, toys.wide(data))


MISTAKES = {
    "no values anywhere": (
        lambda: step(Gradient()),
        r"\['Gradient'\] see no values, so the constant of integration is not fixed; add Value",
    ),
    "values at no weight": (
        lambda: step(Residual(), Value("boundary", 0.0)),
        "constant of integration is not fixed",
    ),
    "periodic ends alone": (lambda: step(Residual(), Periodic()), "is not fixed"),
    "no terms": (lambda: Pointwise([]), "interior and sides are empty: name at least one term"),
    "no boundary part": (
        lambda: step(
            Gradient(),
            Value("boundary"),
            data=Points(toys.square().equation, [Interior(5, [Analytic()])]),
        ),
        r"value_boundary: no part 'boundary'; the data have \['interior'\]",
    ),
    "targets of a lower order": (
        lambda: step(
            Hessian(),
            Value("boundary"),
            data=Points(toys.square().equation, [Interior(5, [Analytic()]), Sides(4)]),
        ),
        "hessian_interior: part 'interior' has no 'ddy', only .* give it targets of that order",
    ),
    "velocities at a side": (
        lambda: step(Velocity("boundary")),
        "velocity_boundary: part 'boundary' has no 'dy'",
    ),
    "a parameter as a coordinate": (
        lambda: step(Gradient(by=["s"]), Value("initial"), data=toys.wave()),
        r"by=\['s'\]: 's' is a parameter; derivatives are by the coordinates \('t', 'x'\)",
    ),
    "an unknown coordinate": (
        lambda: step(Gradient(by=["z"]), Value("boundary")),
        "'z' is unknown; derivatives are by",
    ),
    "no coordinate": (lambda: Gradient(by=[]), r"by=\[\] compares no derivative"),
    "an operator": (
        lambda: step(Value("interior"), net=FNO(**FNO.tiny())),
        "FNO is no Field; terms over points need a function of points",
    ),
    "a negative weight": (lambda: Value("initial", -1.0), "weight=-1.0 of a term on 'initial'"),
    "a walled term at a side": (
        lambda: step(Value("boundary"), SideResidual()),
        "steady_allen_cahn has values at its sides; take Value",
    ),
    "second derivatives of ends": (lambda: Periodic(order=2), "order=2: 0 or 1"),
    "no directions": (lambda: StochasticHessian(directions=0), "directions=0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()
