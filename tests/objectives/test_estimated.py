"""Terms of estimated derivatives: what is biased, and what an estimator is asked for."""

import pytest
import torch

from tests.objectives import toys
from tests.objectives.noisy import Noisy
from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.objectives.pointwise import Pointwise
from zoo.objectives.terms.periodic import Periodic
from zoo.objectives.terms.residual import Residual
from zoo.objectives.terms.value import Value

DRAWS = 20_000


@pytest.fixture(scope="module")
def wave():
    data = toys.wave()
    return toys.field(data), toys.wide(data)


@torch.no_grad()
def residuals(wave, spread=None, **options):
    """The residual term of one point, drawn many times over, and the variance that noise adds."""
    model, batch = wave
    torch.manual_seed(0)
    x = batch["interior"]["x"][:1]
    many = x.expand(DRAWS if spread else 1, -1)
    jet = model.jet(many, by=Noisy(spread) if spread else None)
    found = Residual(**options)(model, jet, {"x": many}, batch["equation"])
    return found, float((spread or 0) ** 2 * (1 + x[0, 2] ** 2))


def within(draws, wanted):
    """Whether the mean of independent draws is what it should be, up to 4 standard errors."""
    error = float(draws.std()) / len(draws) ** 0.5
    return abs(float(draws.mean()) - wanted) < 4 * error < wanted


def test_the_residual_of_an_estimate_is_unbiased(wave):
    exact = float(residuals(wave)[0])
    draws, variance = residuals(wave, 0.3 * exact**0.5)
    assert within(draws, exact) and not within(draws, exact + variance)


def test_a_biased_residual_is_too_large_by_its_variance(wave):
    exact = float(residuals(wave)[0])
    draws, variance = residuals(wave, 0.3 * exact**0.5, biased=True)
    assert within(draws, exact + variance) and not within(draws, exact)


def test_an_unbiased_residual_may_be_below_zero_and_a_biased_one_is_not(wave):
    assert bool((residuals(wave, 4.0)[0] < 0).any())
    assert bool((residuals(wave, 4.0, biased=True)[0] >= 0).all())


def test_of_an_exact_jet_both_residuals_are_the_square(wave):
    assert torch.equal(residuals(wave)[0], residuals(wave, biased=True)[0])


def test_an_estimator_is_asked_for_parts_that_need_derivatives_alone(wave):
    model, batch = wave
    estimator = Noisy()
    sides = [Value("initial"), Periodic()]
    Pointwise([Residual(), Value("interior")], sides, estimator=estimator)(model, batch)
    assert [id(x) for x in estimator.asked] == [id(batch["interior"]["x"])]


def test_values_beside_an_estimator_are_the_field_s_own(wave):
    model, batch = wave
    term = [Value("initial")]
    plain = Pointwise([Residual()], term)(model, batch)["value_initial"]
    noisy = Pointwise([Residual()], term, estimator=Noisy())(model, batch)["value_initial"]
    assert torch.equal(plain, noisy)


def test_a_model_of_another_equation_is_refused_before_training():
    names = tuple(f"x{i}" for i in range(1, 11))
    other = MLP(Interface(names, ("u",), region=((0.0, 1.0),) * 10), width=4, layers=1)
    with pytest.raises(ValueError, match=r"has the inputs \('x1', 'x2', ..., 'x10'\), 10 in all, "):
        Pointwise([Residual()], [Value("initial")]).bind(other, toys.wave().interface())
