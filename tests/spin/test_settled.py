import pytest
import torch

from tests.spin.exact_net import exact_net
from zoo.spin.chains import Chains
from zoo.spin.clock import Clock
from zoo.spin.cooled import cooled
from zoo.spin.critical import critical_temperature
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.enumeration import Enumeration
from zoo.spin.heat_bath import HeatBath
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.known import known
from zoo.spin.observables import observables
from zoo.spin.order import clock_of_counts
from zoo.spin.potts import Potts
from zoo.spin.settled import ROUND, settled
from zoo.spin.tile_metropolis import TileMetropolis

T = torch.tensor([2.5, 4.0], dtype=torch.float64)


def chains(rng, temperature=3.0, side=4, count=64):
    return Chains(HeatBath(Ising(), [temperature], (side, side)), count, rng=rng)


def test_a_settled_series_has_exact_means_within_its_errors(rng):
    found = observables(settled(chains(rng), 256))["energy"]
    exact = kaufman((4, 4), [3.0]).energy
    assert float((found.value - exact).abs()) < 4 * float(found.error)


def test_it_is_as_long_as_asked_for(rng):
    series = settled(chains(rng), 300)
    assert series.samples * series.every == 300


def test_it_goes_on_until_the_error_is_small_enough(rng):
    series = settled(chains(rng, count=16), 1, accuracy=0.01)
    assert series.samples * series.every > ROUND
    assert float(observables(series)["magnetisation"].error) <= 0.01


def test_how_the_chains_began_is_no_part_of_the_series(rng):
    cold = chains(rng, temperature=40.0, count=256)
    order = settled(cold, 1).order
    assert float(order[:8].mean() - order[8:].mean()) == pytest.approx(0.0, abs=0.01)


def test_slow_chains_are_thinned_instead_of_read_more_often(rng):
    some = chains(rng, temperature=2.27, side=12)
    series = settled(some, 1)
    assert series.samples == ROUND and series.every > 1
    assert some.times is not None and series.samples * series.every >= 20 * float(some.times)


def test_chains_that_have_not_decorrelated_are_refused_with_their_time(rng):
    with pytest.raises(ValueError, match="measured autocorrelation time is at least"):
        settled(chains(rng, temperature=2.0, side=12), 1, limit=ROUND)


def test_chains_that_remember_their_start_are_refused(rng):
    some = chains(rng, temperature=0.4, side=12)
    with pytest.raises(ValueError, match=r"ordered and at random still differ|decorrelated"):
        settled(some, 1, limit=ROUND)


def test_chains_that_cool_are_ordered_where_it_is_cold(rng):
    moves = TileMetropolis(exact_net().tabulated(), [8.0, 2.4, 1.6, 1.0], (8, 8))
    some = Chains(moves, 32, rng=rng)
    before = some.s.clone()
    cooled(some, moves, 20)
    order = clock_of_counts(some.s, 2)[:, 16:].mean(1)
    assert float(order[0]) < 0.3 and float(order[-1]) > 0.95
    assert torch.equal(before[:, :, :16], some.s[:, :, :16])


@pytest.mark.parametrize(
    ("energy", "shape"),
    [(Ising(), (4, 3)), (EdwardsAnderson((3, 4), 7), (3, 4)), (Potts(), (3, 3))],
)
def test_known_observables_are_those_of_all_states(energy, shape):
    found, states = known(energy, shape, T), Enumeration(energy, shape)
    assert found is not None
    for name, want in states.thermodynamics(T)._asdict().items():
        assert torch.allclose(found[name].value, want, atol=1e-10)
    m, mm, mmmm = (states.mean(states.orders**k, T) for k in (1, 2, 4))
    assert torch.allclose(found["magnetisation"].value, m, atol=1e-10)
    assert torch.allclose(found["binder"].value, 1 - mmmm / (3 * mm**2), atol=1e-10)
    wanted = states.lattice.sites / T * (mm - m**2)
    assert torch.allclose(found["susceptibility"].value, wanted, atol=1e-10)


def test_of_a_larger_glass_energies_alone_are_known():
    found = known(EdwardsAnderson((8, 8), 420), (8, 8), torch.tensor([2.0], dtype=torch.float64))
    assert found is not None and set(found) == {"free_energy", "energy", "entropy", "heat_capacity"}


def test_of_large_lattices_nothing_is_known():
    assert known(Ising(), (8, 8), T) is None and known(Potts(), (6, 6), T) is None


def test_critical_temperatures_are_those_of_the_square_lattice():
    assert critical_temperature(Ising(2.0)) == pytest.approx(4.53837, abs=1e-5)
    assert critical_temperature(Potts()) == pytest.approx(0.99497, abs=1e-5)
    assert critical_temperature(Clock()) == pytest.approx(1.49246, abs=1e-5)
    assert critical_temperature(Ising(field=0.1)) is None
