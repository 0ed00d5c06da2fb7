import math

import pytest
import torch
from torch.testing import assert_close

from zoo.spin import onsager
from zoo.spin.clock import Clock
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.potts import Potts
from zoo.spin.transfer import TransferMatrix

EXACT = {"rtol": 0, "atol": 1e-10}

# F, U, S per site as printed for arXiv 2003.02647's lattices and temperatures
ANCHORS = [
    (6, 4.0, (-3.03755, -0.56615, 0.61785)),
    (8, 4.0, (-3.03654, -0.55849, 0.61951)),
    (8, 8.0, (-5.67183, -0.25665, 0.67690)),
    (8, 2.5, (-2.21091, -1.22232, 0.39544)),
    (16, 4.0, (-3.03643, -0.55727, 0.61979)),
]


@pytest.mark.parametrize(("side", "temperature", "printed"), ANCHORS)
def test_kaufman_meets_the_printed_anchors(side, temperature, printed):
    found = kaufman((side, side), [temperature])
    assert tuple(round(float(v), 5) for v in found[:3]) == printed


@pytest.mark.parametrize(
    ("side", "printed"), [(16, (-2.1153, -1.4532, 0.2918)), (24, (-2.1122, -1.4403, 0.2961))]
)
def test_kaufman_meets_the_printed_values_at_the_critical_temperature(side, printed):
    found = kaufman((side, side), [2.2691])
    # S is printed from rounded F and U in one place: one unit in the last digit
    assert all(abs(float(v) - p) < 1.01e-4 for v, p in zip(found, printed, strict=False))


@pytest.mark.parametrize(("temperature", "printed"), [(2.5, 1.1005), (4.0, 0.1743)])
def test_kaufman_meets_the_printed_heat_capacities(temperature, printed):
    assert abs(float(kaufman((8, 8), [temperature]).heat_capacity) - printed) < 1e-4


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (2, 6), (4, 3)])
def test_kaufman_is_enumeration(shape):
    temperatures = [0.4, 1.0, onsager.CRITICAL, 3.0, 50.0]
    exact = Enumeration(Ising(0.8), shape).thermodynamics(temperatures)
    for found, wanted in zip(kaufman(shape, temperatures, 0.8), exact, strict=True):
        assert_close(found, wanted, **EXACT)


def test_kaufman_neither_overflows_on_large_lattices_nor_when_cold():
    found = kaufman((96, 200), [0.05, onsager.CRITICAL, 100.0])
    assert all(bool(part.isfinite().all()) for part in found)
    assert float(found.energy[0]) == -2.0
    assert float(found.entropy[2]) == pytest.approx(math.log(2), abs=2e-4)


def test_at_infinite_temperature_the_spins_are_free():
    found = kaufman((6, 6), [math.inf])
    values = [float(part) for part in found]
    assert values == pytest.approx([-math.inf, 0.0, math.log(2), 0.0], abs=1e-12)


def test_kaufman_refuses_what_it_does_not_solve():
    with pytest.raises(ValueError, match=r"coupling=-1\.0 is not solved"):
        kaufman((4, 4), [2.0], -1.0)


@pytest.mark.parametrize("temperature", [1.5, 2.5, 4.0])
def test_large_lattices_come_to_onsagers_limits(temperature):
    found = kaufman((200, 200), [temperature])
    assert_close(onsager.energy([temperature]), found.energy, rtol=0, atol=1e-9)
    # ln 2 / N of two ordered states is what a finite lattice has below T_c
    two = temperature * math.log(2) / 200**2 if temperature < onsager.CRITICAL else 0.0
    assert_close(onsager.free_energy([temperature]), found.free_energy + two, rtol=0, atol=1e-9)


def test_onsagers_values_at_the_critical_temperature_are_known():
    catalan = 0.915965594177219
    free = -onsager.CRITICAL * (0.5 * math.log(2) + 2 * catalan / math.pi)
    assert math.sinh(2 / onsager.CRITICAL) == pytest.approx(1)
    assert float(onsager.energy([onsager.CRITICAL])) == pytest.approx(-math.sqrt(2), abs=1e-12)
    assert float(onsager.free_energy([onsager.CRITICAL])) == pytest.approx(free, abs=1e-12)
    assert onsager.magnetisation([2.3, 1.0]).tolist() == pytest.approx([0, 0.99927575195])


@pytest.mark.parametrize(
    ("energy", "shape"),
    [
        (Ising(1.0, 0.2, second=0.3), (4, 3)),
        (Ising(0.7, -0.1), (12,)),
        (Ising(1.0, 0.1), (3, 2, 2)),
        (Clock(3), (3, 3)),
        (Potts(4), (3, 2)),
        (EdwardsAnderson((3, 4), 1), (3, 4)),
        (EdwardsAnderson((2, 2, 3), 1), (2, 2, 3)),
    ],
)
def test_a_transfer_matrix_is_enumeration(energy, shape):
    temperatures = [0.7, 2.3]
    every, strip = Enumeration(energy, shape), TransferMatrix(energy, shape)
    pairs = zip(strip.thermodynamics(temperatures), every.thermodynamics(temperatures), strict=True)
    for found, wanted in pairs:
        assert_close(found, wanted, **EXACT)
    if energy.colours == 2:
        assert_close(strip.magnetisation(temperatures), every.magnetisation(temperatures), **EXACT)


def test_counts_of_up_spins_are_a_distribution_symmetric_without_a_field():
    found = TransferMatrix(Ising(), (5, 4)).counts(2.0)
    assert float(found.sum()) == pytest.approx(1)
    assert_close(found, found.flip(0), **EXACT)
    assert float(found.min()) > -1e-14


def test_the_exact_magnetisation_of_8_by_8_is_what_the_curves_show():
    # 8 by 8 of arXiv 2003.02647: .2094 at T = 4, .1722 at 4.9, of their Monte Carlo
    found = TransferMatrix(Ising(), (8, 8)).magnetisation([4.9])
    assert abs(float(found) - 0.1722) < 5e-4


@pytest.mark.parametrize(
    ("seed", "printed"),
    [
        (420, {1.0: -1.123, 2.0: -0.786, 3.0: -0.568, 4.0: -0.441, 4.9: -0.364}),
        (69, {1.0: -1.336, 2.0: -1.002, 3.0: -0.743, 4.0: -0.584, 4.9: -0.488}),
    ],
)
def test_the_glasses_of_two_seeds_are_those_of_the_paper(seed, printed):
    strip = TransferMatrix(EdwardsAnderson((8, 8), seed), (8, 8))
    found = strip.thermodynamics(list(printed)).energy
    wanted = torch.tensor(list(printed.values()), dtype=torch.float64)
    # theirs is Monte Carlo from random starts
    assert (found - wanted).abs().max() < 0.005


def test_enumeration_numbers_states_by_their_colours():
    every = Enumeration(Potts(3), (2, 3))
    s = every.states(0, every.count)
    assert torch.equal(every.number(s), torch.arange(3**6))
    assert s[1].flatten().tolist() == [0, 0, 0, 0, 0, 1]


def test_enumerated_probabilities_sum_to_one_and_fall_with_energy():
    every = Enumeration(Ising(), (3, 3))
    log_p = every.log_probabilities(2.0)
    assert float(log_p.exp().sum()) == pytest.approx(1)
    assert_close(log_p - log_p[0], -(every.energies - every.energies[0]) / 2.0, **EXACT)


def test_too_many_states_are_refused():
    with pytest.raises(ValueError, match="have 68719476736 states, above limit=1048576"):
        Enumeration(Ising(), (6, 6))
    with pytest.raises(ValueError, match="put the long axis first"):
        TransferMatrix(Ising(), (4, 12))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="must be above 0"):
        kaufman((4, 4), [2.0, temperature])
