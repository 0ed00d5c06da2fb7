"""Distill: values and exact sensitivities, directions, a teacher that stays frozen and apart."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import cache, data, here, net, recipe, write, zoo
from tests.discovery import classes
from zoo import release
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.operator import Operator
from zoo.models.parts.affine import Affine
from zoo.objectives.distill import Distill
from zoo.objectives.supervised import Supervised
from zoo.ops.derivatives import directional
from zoo.task import Task

__all__ = ["cache", "here", "zoo"]
OPERATORS = [cls for cls in classes("zoo.models", Operator) if cls is not Operator]
FACE = Interface(("f",), ("u",), ("k", "w"))


def operator(seed=0, **changes):
    torch.manual_seed(seed)
    return FNO(replace(FACE, **changes), Affine(), width=6, modes=3, layers=2)


def batch(rng, count=4, n=8, systems=1):
    return {
        "u": torch.randn(count, 1, 1, n, n, generator=rng),
        "y": torch.randn(count, 1, 1, n, n, generator=rng),
        "p": torch.rand(count, 2, generator=rng),
        "system": torch.arange(count) % systems,
    }


def bound(student, teacher, *given, **arguments):
    objective = Distill(teacher, *given, **arguments)
    objective.bind(student, student.interface)
    return objective


def slope(model, u, p, v, q, step=1e-5):
    with torch.no_grad():
        ahead, behind = (model(u + s * v, p + s * q) for s in (step, -step))
    return (ahead - behind) / (2 * step)


def test_the_loss_is_what_finite_differences_and_plain_loops_give(rng):
    student, teacher = operator().double(), operator(1).double()
    given = {k: v.double() if v.is_floating_point() else v for k, v in batch(rng).items()}
    objective = bound(student, teacher, weight=0.3)
    torch.manual_seed(5)
    along = objective.directions(given)
    u, p, total = given["u"], given["p"], 0.0
    for weight, pair in (
        (1.0, [model(u, p).detach() for model in (student, teacher)]),
        (0.3, [slope(model, u, p, *along) for model in (student, teacher)]),
    ):
        for mine, theirs in zip(*pair, strict=True):
            rows = [mine.flatten().tolist(), theirs.flatten().tolist()]
            error = sum((a - b) ** 2 for a, b in zip(*rows, strict=True))
            total += weight * math.sqrt(error / sum(b**2 for b in rows[1])) / 4
    torch.manual_seed(5)
    assert float(objective(student, given)["loss"].detach()) == pytest.approx(total, rel=1e-6)


def test_values_alone_are_supervision_by_the_teachers_outputs(rng):
    student, teacher, given = operator(), operator(1), batch(rng)
    told = bound(student, teacher, "values")(student, given)["loss"]
    target = {**given, "y": teacher(given["u"], given["p"]).detach()}
    assert float(told.detach()) == float(Supervised()(student, target)["loss"].detach())


def test_a_student_that_is_its_teacher_has_no_error(rng):
    student, given = operator(), batch(rng)
    terms = bound(student, operator())(student, given)
    assert float(terms["values"]) == 0 and float(terms["sensitivities"]) < 1e-5


def test_coefficients_are_given_to_the_teacher_by_name(rng):
    student, given = operator(), batch(rng)
    teacher = operator(1)
    other = operator(1, coefficients=("w", "k"))
    state = teacher.state_dict()
    state["lift_coefficients.weight"] = state["lift_coefficients.weight"].flip(1)
    other.load_state_dict(state)
    losses = []
    for one in (teacher, other):
        torch.manual_seed(0)
        losses.append(float(bound(student, one)(student, given)["loss"].detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("cls", OPERATORS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("training", [False, True])
def test_the_derivative_of_every_operator_is_that_of_finite_differences(cls, training, rng):
    torch.manual_seed(0)
    model = cls(**cls.tiny()).double().eval()
    given = {name: value.double() for name, value in model.example(rng).items()}
    u = given["u"]
    p = given.get("p", torch.rand(len(u), 0, dtype=u.dtype))
    v, q = torch.randn(u.shape, dtype=u.dtype, generator=rng), 0.1 * torch.ones_like(p)
    with torch.set_grad_enabled(training):
        value, found = directional(model, (u, p), (v, q))
    assert found.requires_grad == training
    with torch.no_grad():
        assert torch.allclose(value.detach(), model(u, p), rtol=1e-10)
    want = slope(model, u, p, v, q)
    assert float((found.detach() - want).norm()) < 1e-6 * float(want.norm())


def test_the_gradient_by_weights_of_a_derivative_is_that_of_finite_differences(rng):
    model, given = operator().double(), batch(rng, 2)
    at = (given["u"].double(), given["p"].double())
    along = tuple(torch.randn(x.shape, dtype=x.dtype, generator=rng) for x in at)
    weight = model.spectral[0].weight
    directional(model, at, along)[1].square().sum().backward()
    change = torch.randn(weight.shape, dtype=weight.dtype, generator=rng)
    sums = []
    for step in (1e-6, -1e-6):
        with torch.no_grad():
            weight.add_(step * change)
            sums.append(float(directional(model, at, along)[1].square().sum()))
            weight.sub_(step * change)
    assert weight.grad is not None
    assert float((weight.grad * change).sum()) == pytest.approx((sums[0] - sums[1]) / 2e-6, 1e-5)


def test_directions_lead_to_other_samples_of_the_same_system(rng):
    given = batch(rng, 6, systems=2)
    v, q = bound(operator(), operator(1)).directions(given)
    for name, change in (("u", v), ("p", q)):
        for i in range(6):
            ends = given[name][i] + change[i]
            near = [float((ends - given[name][j]).abs().max()) for j in range(6)]
            assert min(near) < 1e-5 and near.index(min(near)) in {(i + 2) % 6, (i + 4) % 6}


def test_a_sample_alone_in_its_system_has_no_direction(rng):
    given = batch(rng, 3, systems=3)
    v, q = bound(operator(), operator(1)).directions(given)
    assert not bool(v.any()) and not bool(q.any())
    student = operator()
    terms = bound(student, operator(1))(student, batch(rng, 1))
    assert float(terms["sensitivities"]) == 0 and float(terms["values"]) > 0


def test_directions_are_drawn_anew_at_every_step(rng):
    objective, given = bound(operator(), operator(1)), batch(rng, 32)
    first, second = (objective.directions(given)[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_a_teacher_is_in_no_state_and_trained_by_nobody(rng):
    teacher, student, given = operator(1), operator(), batch(rng)
    task = Task(net=student, objective=bound(student, teacher)).train()
    assert not [name for name in task.state_dict() if not name.startswith("net.")]
    ours = {id(parameter) for parameter in task.parameters()}
    assert not [parameter for parameter in teacher.parameters() if id(parameter) in ours]
    task.objective(student, given)["loss"].backward()
    assert not teacher.training
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())


def test_a_teacher_moves_with_its_objective():
    objective = Distill(operator(1)).double()
    assert next(objective.teacher.parameters()).dtype == torch.float64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coefficients": ("k", "v")}, r"coefficients \('k', 'v'\).*\('k', 'w'\)"),
        ({"coefficients": ()}, r"coefficients \(\).*\('k', 'w'\)"),
        ({"inputs": ("g",)}, r"inputs \('g',\).*\('f',\)"),
        ({"outputs": ("u", "v")}, r"outputs \('u', 'v'\).*\('u',\)"),
        ({"box": (2.0, 2.0)}, r"box \(2.0, 2.0\).*\(1.0, 1.0\)"),
        ({"dt": 0.1}, r"dt 0.1.*None"),
    ],
)
def test_a_teacher_of_another_problem_is_refused_by_name(changes, words):
    with pytest.raises(ValueError, match=words):
        bound(operator(), operator(1, **changes))


def test_a_teacher_that_gives_no_numbers_is_refused(rng):
    teacher, student = operator(1), operator()
    with torch.no_grad():
        teacher.output.bias.fill_(float("nan"))
    for match in ("values", "sensitivities"):
        with pytest.raises(ValueError, match="teacher's outputs hold 256 of 256 values"):
            bound(student, teacher, match)(student, batch(rng))


@pytest.mark.parametrize("wrong", [{"match": "jacobian"}, {"weight": 0.0}])
def test_arguments_that_mean_nothing_are_refused(wrong):
    # the suite checks annotations first
    with pytest.raises(Exception, match=next(iter(wrong))):
        Distill(operator(1), **wrong)


def test_a_chain_hands_the_release_of_one_stage_to_the_next_as_its_teacher(here, zoo):
    teacher = {"class_path": "zoo.from_pretrained", "init_args": {"x": "filled-by-the-chain"}}
    objective = {"class_path": "zoo.objectives.distill.Distill", "init_args": {"teacher": teacher}}
    write(here / "base.yaml", recipe(epochs=1, data=data(train=4)))
    write(here / "distil.yaml", {"model": {"net": net(3), "objective": objective}})
    stages = {
        "teacher": {"recipe": "base.yaml"},
        "student": {
            "recipe": ["base.yaml", "distil.yaml"],
            "uses": {"model.objective.init_args.teacher.init_args.x": "teacher"},
        },
    }
    code, _, err = zoo("run", write(here / "chain.yaml", {"stages": stages}))
    assert code == 0, err
    made = Path("runs/chain/student/release")
    assert release.load(made).width == 3
    [told] = release.describe(made)["lineage"]
    parent = release.describe(Path("runs/chain/teacher/release"))
    assert told["stage"] == "teacher" and told["sha256"] == parent["sha256"]
    about = json.loads((made / "config.json").read_text())["about"]
    assert about["objective"] == "Distill"
