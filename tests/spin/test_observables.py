import math

import pytest
import torch
from torch.testing import assert_close

from zoo.spin.chains import Chains
from zoo.spin.crossing import crossing
from zoo.spin.enumeration import Enumeration
from zoo.spin.integration import integrated
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.observables import Estimate, jackknife, observables
from zoo.spin.series import Series
from zoo.spin.swendsen_wang import SwendsenWang

GRID = [math.inf, 4.9, 4.0, 3.2, 2.8, 2.5, 2.35, 2.2, 2.0, 1.7]


@pytest.fixture(scope="module")
def measured() -> dict[str, Estimate]:
    rng = torch.Generator().manual_seed(11)
    chains = Chains(SwendsenWang(Ising(), GRID, (4, 4)), 64, rng=rng)
    chains.thermalise()
    return observables(chains.record(100))


@pytest.fixture(scope="module")
def every() -> Enumeration:
    return Enumeration(Ising(), (4, 4))


def close(found: Estimate, exact: torch.Tensor, largest: float) -> None:
    """Four standard errors, which are small; infinite temperature apart."""
    off = (found.value - exact)[1:].abs()
    assert (off < 4 * found.error[1:]).all()
    assert float(found.error[1:].max()) < largest


@pytest.mark.parametrize("name", ["energy", "heat_capacity", "free_energy", "entropy"])
def test_thermodynamics_meet_the_exact_ones_within_four_standard_errors(name, measured):
    close(measured[name], getattr(kaufman((4, 4), GRID), name), 0.06)


def test_the_magnetisation_meets_enumeration(measured, every):
    close(measured["magnetisation"], every.magnetisation(GRID), 0.02)


def test_the_susceptibility_meets_enumeration(measured, every):
    first, second = every.mean(every.orders, GRID), every.mean(every.orders**2, GRID)
    close(measured["susceptibility"], 16 * (second - first**2) / torch.tensor(GRID), 0.1)


def test_the_binder_cumulant_meets_enumeration(measured, every):
    second, fourth = every.mean(every.orders**2, GRID), every.mean(every.orders**4, GRID)
    close(measured["binder"], 1 - fourth / (3 * second**2), 0.02)


def test_at_infinite_temperature_the_entropy_is_ln_2_and_the_free_energy_unbounded(measured):
    assert float(measured["entropy"].value[0]) == pytest.approx(math.log(2))
    assert float(measured["free_energy"].value[0]) == -math.inf


def test_without_infinite_temperature_there_is_no_free_energy(rng):
    x = torch.randn((50, 1, 8), generator=rng, dtype=torch.float64)
    found = observables(Series(torch.tensor([2.0]).double(), x, x.abs(), 16, 2))
    assert "free_energy" not in found


def test_integration_of_exact_energies_gives_the_exact_free_energy():
    temperatures = [math.inf, *(4.9 - 0.1 * i for i in range(40))]
    exact = kaufman((16, 16), temperatures)
    beta = 1 / torch.tensor(temperatures, dtype=torch.float64)
    variance = torch.where(beta > 0, exact.heat_capacity / beta**2, 2.0) / 256
    means = {"e": exact.energy, "ee": variance + exact.energy**2}
    found = integrated(beta, 256, 2, means)
    assert_close(found[1:], (exact.free_energy * beta)[1:], rtol=0, atol=5e-5)


def test_integration_needs_infinite_temperature():
    with pytest.raises(ValueError, match="the hottest of the temperatures is 4; the integral"):
        integrated(torch.tensor([0.25, 0.5]), 16, 2, {})


def test_a_jackknife_of_a_mean_is_the_standard_error_of_the_mean(rng):
    x = torch.randn((2, 40), generator=rng, dtype=torch.float64)
    found = jackknife({"x": x}, lambda k: k["x"])
    assert_close(found.value, x.mean(1))
    assert_close(found.error, x.std(1) / math.sqrt(40))


def test_a_jackknife_takes_the_bias_of_a_square_off(rng):
    x = torch.randn((4000, 10), generator=rng, dtype=torch.float64)
    found = jackknife({"x": x}, lambda k: k["x"] ** 2)
    # the square of a mean of ten is 1/10 too large
    assert abs(float(found.value.mean())) < 4 * float(found.value.std()) / math.sqrt(4000)


def test_errors_of_correlated_chains_are_those_of_their_blocks(rng):
    a, samples = 0.8, 4000
    x = [torch.randn((60, 4), generator=rng, dtype=torch.float64) / math.sqrt(1 - a * a)]
    for _ in range(samples - 1):
        x.append(a * x[-1] + torch.randn((60, 4), generator=rng, dtype=torch.float64))
    whole = torch.stack(x)
    series = Series(torch.full((60,), 2.0).double(), whole, whole.abs(), 1, 2)
    error = observables(series)["energy"].error.mean()
    exact = math.sqrt(1 / (1 - a * a) * 2 * (0.5 + a / (1 - a)) / (4 * samples))
    assert float(error) == pytest.approx(exact, rel=0.1)


def test_too_few_blocks_are_refused(rng):
    x = torch.randn((30, 1, 2), generator=rng, dtype=torch.float64)
    with pytest.raises(ValueError, match="an error needs 8 in all: run more chains, or longer"):
        observables(Series(torch.tensor([2.0]).double(), x, x, 16, 2))


def test_two_lines_cross_where_they_do_with_the_error_of_their_ends():
    t = torch.tensor([2.0, 2.2, 2.4], dtype=torch.float64)
    error = torch.full((3,), 0.01, dtype=torch.float64)
    first = Estimate(torch.tensor([0.60, 0.50, 0.40]).double(), error)
    second = Estimate(torch.tensor([0.64, 0.51, 0.35]).double(), error)
    at, spread = crossing(t, first, second)
    # the difference is -0.01 at 2.2 and 0.05 at 2.4
    assert at == pytest.approx(2.2 + 0.2 / 6)
    assert spread == pytest.approx(math.sqrt(2) * 0.01 * math.sqrt(26) / 6 / (0.06 / 0.2))


def test_lines_that_do_not_cross_are_refused():
    t = torch.tensor([2.0, 2.4], dtype=torch.float64)
    flat = torch.zeros(2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"do not cross between 2 and 2.4"):
        crossing(t, Estimate(flat + 1, flat), Estimate(flat, flat))
