"""Weights of side terms that follow the lengths of gradients, derived again by hand."""

import pytest
import torch
from torch.testing import assert_close

from tests.objectives import toys
from zoo.objectives.balanced import Balanced
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.periodic import Periodic
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value


@pytest.fixture
def wave():
    data = toys.wave()
    return toys.field(data), toys.wide(data)


def objective(balance, *weights, interior=0.5):
    one, other = weights or (1.0, 1.0)
    sides = [Value("initial", one), Periodic(weight=other)]
    return Pointwise([Residual(weight=interior)], sides, balance=balance)


def length(model, loss):
    """Of the gradient of a loss by the model's parameters."""
    rows = torch.autograd.grad(loss, list(model.parameters()))
    return float(sum(row.square().sum() for row in rows)) ** 0.5


def lengths(wave):
    """Of the terms' gradients, without weights."""
    model, batch = wave
    terms = (Residual(), Value("initial"), Periodic())
    keep = [Value("interior", 1e-300)]
    return [length(model, Pointwise([term, *keep])(model, batch)["loss"]) for term in terms]


def factors(found):
    return [float(found[f"factor_{name}"]) for name in ("value_initial", "periodic_periodic")]


def test_the_first_factors_make_the_sides_gradients_as_long_as_the_interior_s(wave):
    found = objective(Balanced())(*wave)
    inside, *sides = lengths(wave)
    assert factors(found) == pytest.approx([0.5 * inside / one for one in sides])


def test_the_loss_is_the_sum_with_the_factors(wave):
    plain, found = objective(None, 2.0, 3.0)(*wave), objective(Balanced(), 2.0, 3.0)(*wave)
    one, other = factors(found)
    wanted = (
        0.5 * plain["residual_interior"]
        + 2 * one * plain["value_initial"]
        + 3 * other * plain["periodic_periodic"]
    )
    assert_close(found["loss"].detach(), wanted)


def test_a_term_s_weight_is_the_ratio_of_lengths_that_is_wanted(wave):
    plain, found = objective(None)(*wave), objective(Balanced(), 4.0, 0.0)(*wave)
    model, inside = wave[0], lengths(wave)[0]
    rest = found["loss"] - 0.5 * Pointwise([Residual(), Value("interior", 1e-300)])(*wave)["loss"]
    assert length(model, rest) == pytest.approx(4 * 0.5 * inside)
    assert torch.equal(plain["value_initial"], found["value_initial"])  # logged as it is


def test_later_factors_move_by_a_tenth_every_so_many_steps(wave):
    model, batch = wave
    run = objective(Balanced(every=2))
    first = factors(run(model, batch))
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5)
    assert factors(run(model, batch)) == first  # no look at the second step
    inside, *sides = lengths(wave)
    wanted = [0.9 * a + 0.1 * 0.5 * inside / b for a, b in zip(first, sides, strict=True)]
    assert factors(run(model, batch)) == pytest.approx(wanted) != first


def test_a_look_leaves_the_parameters_gradients_alone(wave):
    model, batch = wave
    run = objective(Balanced())
    loss = run(model, batch)["loss"]
    assert all(p.grad is None for p in model.parameters())
    wanted = torch.autograd.grad(loss, list(model.parameters()))
    again = objective(None)
    again.terms[1].weight, again.terms[2].weight = run.balance.factors.tolist()
    again(model, batch)["loss"].backward()
    for p, row in zip(model.parameters(), wanted, strict=True):
        assert_close(p.grad, row)


def test_a_restored_objective_goes_on_where_it_stood(wave):
    model, batch = wave
    one, other = objective(Balanced(every=3)), objective(Balanced(every=3))
    for _ in range(2):
        one(model, batch)
    other.load_state_dict(one.state_dict())
    with torch.no_grad():
        model.linear[0].weight.mul_(2.0)
    for _ in range(3):
        assert factors(one(model, batch)) == factors(other(model, batch))


def test_nothing_moves_outside_of_training(wave):
    run = objective(Balanced()).eval()
    assert factors(run(*wave)) == [1, 1]
    with torch.no_grad():
        assert factors(run.train()(*wave)) == [1, 1]


def test_a_side_that_is_met_keeps_its_factor(wave):
    model, batch = wave
    batch["initial"]["y"] = model(batch["initial"]["x"]).detach()
    found = factors(objective(Balanced())(model, batch))
    assert found[0] == 1 and found[1] != 1


MISTAKES = {
    "no sides": (lambda: Pointwise([Value("interior")], balance=Balanced()), "nothing to balance"),
    "no steps": (lambda: Balanced(every=0), "every=0, memory=0.9: at least 1"),
    "all memory": (lambda: Balanced(memory=1.0), "memory=1.0: at least 1, and from 0 up to 1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        make()
