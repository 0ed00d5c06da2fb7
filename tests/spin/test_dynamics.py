"""Every dynamics against enumeration, and what each refuses."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from zoo.spin.all_to_all import AllToAll
from zoo.spin.alternate import Alternate
from zoo.spin.called_energy import CalledEnergy
from zoo.spin.called_metropolis import CalledMetropolis
from zoo.spin.clock import Clock
from zoo.spin.dense_heat_bath import DenseHeatBath
from zoo.spin.dynamics import Dynamics
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.energy import Energy
from zoo.spin.enumeration import Enumeration
from zoo.spin.heat_bath import HeatBath
from zoo.spin.ising import Ising
from zoo.spin.metropolis import Metropolis
from zoo.spin.potts import Potts
from zoo.spin.random_flips import RandomFlips
from zoo.spin.swendsen_wang import SwendsenWang
from zoo.spin.tempering import Tempering
from zoo.spin.tile_metropolis import TileMetropolis
from zoo.spin.tiles import TileEnergy
from zoo.spin.wolff import Wolff

TEMPERATURES = [1.5, 2.5, 4.0]
CHAINS = 384
MADE = {Alternate, Tempering}
"""Dynamics made of others."""

Case = tuple[type[Dynamics], Energy, tuple[int, ...]]
CASES: list[Case] = [
    (HeatBath, Ising(0.4, 0.1, second=0.1), (4, 4)),
    (HeatBath, Ising(-1.0), (3, 5)),
    (HeatBath, Clock(3), (3, 3)),
    (HeatBath, EdwardsAnderson((2, 3, 2), 2), (2, 3, 2)),
    (HeatBath, Potts(12, 2.0), (5,)),
    (Metropolis, Ising(0.4, 0.1, second=0.1), (4, 4)),
    (Metropolis, Potts(3), (3, 3)),
    (Metropolis, EdwardsAnderson((3, 4), 2), (3, 4)),
    (DenseHeatBath, AllToAll((12,), 1), (12,)),
    (Wolff, Ising(1.0, second=0.3), (4, 4)),
    (Wolff, Ising(-1.0), (3, 5)),
    (Wolff, Clock(4), (2, 4)),
    (Wolff, Potts(4, 1.5), (2, 3)),
    (SwendsenWang, Ising(), (4, 4)),
    (SwendsenWang, Ising(0.7), (2, 2, 3)),
    (SwendsenWang, Clock(5), (2, 3)),
    (SwendsenWang, Potts(3), (3, 3)),
    (RandomFlips, Clock(3), (2, 3)),
    (RandomFlips, AllToAll((8,), 1), (8,)),
    (CalledMetropolis, CalledEnergy(Ising(0.4, 0.1)), (2, 3)),
    (CalledMetropolis, CalledEnergy(Potts(3), 3), (2, 3)),
    (TileMetropolis, TileEnergy.tiny()[0], (7,)),
]


def started(energy: Energy, shape: tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
    sites = energy.on(shape).sites
    size = (len(TEMPERATURES), sites, CHAINS)
    return torch.randint(energy.colours, size, generator=rng).to(torch.uint8)


def run(dynamics: Dynamics, s: torch.Tensor, rng: torch.Generator, samples: int = 10):
    """Energies and state counts' lattices after thermalising; chains are independent."""
    dynamics.sweep(s, rng, 32)
    for _ in range(samples):
        dynamics.sweep(s, rng, 2)
        yield s


def within_four_errors(dynamics: Dynamics, s: torch.Tensor, rng: torch.Generator) -> None:
    energy, lattice = dynamics.energy, dynamics.lattice
    mean = torch.stack([energy.chains(now, lattice) for now in run(dynamics, s, rng)]).mean(0)
    every = Enumeration(energy, lattice.shape)
    exact = every.mean(every.energies, TEMPERATURES)
    error = mean.std(1) / math.sqrt(CHAINS)
    assert (error < 0.03 * lattice.sites).all()
    assert ((mean.mean(1) - exact).abs() < 4 * error).all()


@pytest.mark.parametrize(("cls", "energy", "shape"), CASES)
def test_energies_meet_enumeration_within_four_standard_errors(cls, energy, shape, rng):
    within_four_errors(cls(energy, TEMPERATURES, shape), started(energy, shape, rng), rng)


def test_dynamics_in_turn_keep_the_law_of_each(rng):
    energy, shape = Clock(3), (3, 3)
    parts = [cls(energy, TEMPERATURES, shape) for cls in (HeatBath, Wolff)]
    within_four_errors(Alternate(*parts), started(energy, shape, rng), rng)


def test_dynamics_of_different_temperatures_do_not_alternate():
    parts = [HeatBath(Ising(), [t], (4, 4)) for t in (2.0, 3.0)]
    with pytest.raises(ValueError, match="are of different energies, temperatures or shapes"):
        Alternate(*parts)


@pytest.mark.parametrize("inside", [HeatBath, Metropolis])
def test_exchanges_between_temperatures_keep_every_temperatures_law(inside, rng):
    energy, shape = EdwardsAnderson((3, 4), 2), (3, 4)
    dynamics = Tempering(inside(energy, TEMPERATURES, shape))
    within_four_errors(dynamics, started(energy, shape, rng), rng)
    assert (dynamics.acceptance > 0.05).all()
    assert (dynamics.acceptance < 1).all()


@pytest.mark.parametrize(
    ("cls", "energy", "shape"),
    [
        (HeatBath, Ising(0.5, 0.3), (2, 3)),
        (Metropolis, Potts(3), (2, 2)),
        (Wolff, Ising(0.6), (2, 3)),
        (Wolff, Clock(3, 0.7), (2, 2)),
        (SwendsenWang, Potts(3, 0.8), (2, 2)),
        (DenseHeatBath, AllToAll((6,), 3, deviation=0.4), (6,)),
    ],
)
def test_states_appear_as_often_as_boltzmann_says(cls, energy, shape, rng):
    dynamics = cls(energy, TEMPERATURES, shape)
    s, every = started(energy, shape, rng), Enumeration(energy, shape)
    counts = torch.zeros(every.count)
    for now in itertools.islice(run(dynamics, s, rng, 60), 4, None, 8):
        states = every.number(now[1].T.reshape(-1, *shape))
        counts += torch.bincount(states, minlength=every.count)
    expected = every.log_probabilities(TEMPERATURES[1]).exp() * counts.sum()
    chi = float(((counts - expected) ** 2 / expected).sum())
    freedom = every.count - 1
    assert abs(chi - freedom) < 4 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("cls", [HeatBath, Metropolis, SwendsenWang, Wolff])
def test_the_same_seed_gives_the_same_lattices(cls):
    found = []
    for _ in range(2):
        rng = torch.Generator().manual_seed(5)
        s = started(Potts(3), (3, 3), rng)
        cls(Potts(3), TEMPERATURES, (3, 3)).sweep(s, rng, 3)
        found.append(s)
    assert torch.equal(*found)


@pytest.mark.parametrize("cls", [HeatBath, SwendsenWang])
def test_at_infinite_temperature_every_state_is_as_likely(cls, rng):
    energy = Potts(3)
    s = torch.zeros(1, 9, 1024, dtype=torch.uint8)
    cls(energy, [math.inf], (3, 3)).sweep(s, rng, 40)
    share = s.view(-1).bincount(minlength=3) / s.numel()
    assert_close(share, torch.full((3,), 1 / 3), rtol=0, atol=4 * math.sqrt(2 / 9 / s.numel()))


def test_a_single_flip_changes_at_most_one_spin_of_each_chain(rng):
    energy = Clock(3)
    s = started(energy, (3, 3), rng)
    before = s.clone()
    RandomFlips(energy, TEMPERATURES, (3, 3)).flip(s, rng)
    changed = (s != before).sum(1)
    assert int(changed.max()) == 1
    assert 0.3 < float(changed.double().mean()) < 1


def test_tempering_crosses_a_barrier_that_a_heat_bath_does_not(rng):
    # two ordered states of Ising at a temperature where a heat bath never leaves one
    temperatures = [0.8, 1.4, 2.0, 2.6, 3.2]
    alone = HeatBath(Ising(), temperatures, (4, 4))
    up = {}
    for name, dynamics in (("alone", alone), ("exchanged", Tempering(alone))):
        s = torch.ones(5, 16, 256, dtype=torch.uint8)
        dynamics.sweep(s, rng, 120)
        up[name] = float(s[0].double().mean())
    assert up["alone"] > 0.95
    assert abs(up["exchanged"] - 0.5) < 0.2


def test_temperatures_to_exchange_between_are_in_order():
    with pytest.raises(ValueError, match="must be at least two, in order"):
        Tempering(HeatBath(Ising(), [2.0, 1.0, 3.0], (4, 4)))


@pytest.mark.parametrize(
    "energy", [Ising(1.0, 0.1), EdwardsAnderson((4, 4), 1)], ids=["field", "glass"]
)
@pytest.mark.parametrize("cls", [Wolff, SwendsenWang])
def test_clusters_refuse_a_field_and_disorder(cls, energy):
    with pytest.raises(ValueError, match="has a field or disorder, and clusters need neither"):
        cls(energy, [2.0], (4, 4))


def test_metropolis_of_two_colours_refuses_infinite_temperature():
    with pytest.raises(ValueError, match="the lattice alternates for ever; use HeatBath"):
        Metropolis(Ising(), [2.0, math.inf], (4, 4))


def test_a_heat_bath_of_too_many_colours_says_what_to_use():
    with pytest.raises(ValueError, match="above limit=16777216; use Metropolis"):
        HeatBath(Potts(40), [1.0, 2.0], (4, 4))


@pytest.mark.parametrize("cls", [c for c in classes("zoo.spin", Dynamics) if c not in MADE])
@pytest.mark.parametrize("temperature", [0.0, -2.0])
def test_a_temperature_at_or_below_zero_is_refused(cls, temperature):
    energies = {DenseHeatBath: AllToAll((4, 4), 1), TileMetropolis: TileEnergy(torch.zeros(65536))}
    with pytest.raises(ValueError, match=f"temperature={temperature:g} must be above 0"):
        cls(energies.get(cls, Ising()), [2.0, temperature], (4, 4))


def test_every_dynamics_is_compared_with_enumeration():
    tested = {case[0] for case in CASES} | MADE
    assert set(classes("zoo.spin", Dynamics)) == tested
