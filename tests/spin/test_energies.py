"""Every energy of the package, found by walking it, and the values of each."""

import inspect
import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from tests.discovery import classes
from zoo.spin.all_to_all import AllToAll
from zoo.spin.clock import Clock
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.energy import Energy
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.pairs import PairEnergy
from zoo.spin.potts import Potts
from zoo.spin.reference import reference

ENERGIES = classes("zoo.spin", Energy)
EXACT = {"rtol": 0, "atol": 1e-10}


def drawn(energy: Energy, shape: tuple[int, ...], count: int = 6) -> torch.Tensor:
    rng = torch.Generator().manual_seed(3)
    return torch.randint(energy.colours, (count, *shape), generator=rng).to(torch.uint8)


@pytest.mark.parametrize("cls", ENERGIES)
def test_a_call_on_one_hot_colours_is_the_energy_of_the_colours(cls):
    energy, shape = cls.tiny()
    s = drawn(energy, shape)
    assert_close(energy(energy.one_hot(s)).double(), energy.of(s), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cls", ENERGIES)
def test_the_local_energy_is_what_changing_one_spin_changes(cls):
    energy, shape = cls.tiny()
    lattice, s = energy.on(shape), drawn(energy, shape)
    site = torch.arange(len(s)) % lattice.sites
    local = energy.local(s.flatten(1).T.contiguous(), site, lattice)
    for chain, (one, x) in enumerate(zip(s, site.tolist(), strict=True)):
        variants = one.flatten().repeat(energy.colours, 1)
        variants[:, x] = torch.arange(energy.colours)
        whole = energy.of(variants.view(-1, *shape))
        assert_close(local[chain] - local[chain, 0], whole - whole[0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("cls", ENERGIES)
def test_its_reference_dynamics_meets_enumeration_within_four_standard_errors(cls, rng):
    energy, shape = cls.tiny()
    temperatures, chains = [1.5, 3.0], 256
    dynamics = reference(energy, temperatures, shape)
    s = drawn(energy, shape, 2 * chains).flatten(1).view(2, chains, -1).movedim(1, 2).contiguous()
    dynamics.sweep(s, rng, 10)
    seen = []
    for _ in range(12):
        dynamics.sweep(s, rng, 2)
        seen.append(energy.chains(s, dynamics.lattice))
    mean = torch.stack(seen).mean(0)
    error = mean.std(1) / math.sqrt(chains)
    every = Enumeration(energy, shape)
    exact = every.mean(every.energies, temperatures)
    assert ((mean.mean(1) - exact).abs() < 4 * error).all()
    assert (error < 0.1 * exact.abs()).all()


@pytest.mark.parametrize("cls", ENERGIES)
def test_arguments_stand_as_attributes(cls):
    energy, _ = cls.tiny()
    assert all(hasattr(energy, name) for name in inspect.signature(cls).parameters)


@pytest.mark.parametrize("cls", ENERGIES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_colour_outside_is_refused(cls, sign):
    energy, shape = cls.tiny()
    bad = torch.zeros(1, *shape, dtype=torch.int64)
    bad[0].view(-1)[0] = -1 if sign < 0 else energy.colours
    with pytest.raises(ValueError, match=f"is outside 0 ... {energy.colours - 1} of"):
        energy.of(bad)


def ising_by_hand(s: torch.Tensor, coupling: float, field: float, second: float) -> float:
    spin = 2 * s.double() - 1
    whole = 0.0
    for x in itertools.product(*map(range, spin.shape)):
        whole -= field * float(spin[x])
        for y in itertools.product(*([-1, 0, 1] for _ in x)):
            steps = sum(map(abs, y))
            z = tuple((a + b) % side for a, b, side in zip(x, y, spin.shape, strict=True))
            # both ends count a bond once each
            strength = {1: coupling, 2: second}.get(steps, 0.0)
            whole -= 0.5 * strength * float(spin[x] * spin[z])
    return whole


@pytest.mark.parametrize("shape", [(4, 5), (3, 3, 4)])
def test_ising_is_the_sum_over_neighbours_and_diagonals(shape):
    energy = Ising(0.7, 0.2, second=-0.3)
    s = drawn(energy, shape, 3)
    wanted = [ising_by_hand(one, 0.7, 0.2, -0.3) for one in s]
    assert_close(energy.of(s), torch.tensor(wanted, dtype=torch.float64), **EXACT)


def test_on_a_line_second_neighbours_are_two_steps_apart():
    s = torch.tensor([[0, 1, 1, 0, 1]])
    spin = 2.0 * s[0] - 1
    wanted = -(spin * spin.roll(1)).sum() - 0.5 * (spin * spin.roll(2)).sum()
    assert float(Ising(second=0.5).of(s)) == pytest.approx(float(wanted))


def test_a_side_of_two_sites_has_two_bonds():
    assert float(Ising().of(torch.ones(1, 2, 2, dtype=torch.int64))) == -8


def test_the_energy_is_differentiable_in_one_hot_colours():
    energy = Clock(3)
    s = energy.one_hot(drawn(energy, (3, 4), 1)).double().requires_grad_()
    (slope,) = torch.autograd.grad(energy(s).sum(), s)
    # bilinear: a spin's energies of all colours are the slope
    local = energy.local(s.detach().argmax(1).flatten(1).T, torch.tensor([5]), energy.on((3, 4)))
    assert_close(slope[0].flatten(1)[:, 5], local[0], **EXACT)


def test_a_clock_of_three_is_potts_up_to_a_constant():
    s = drawn(Clock(3), (4, 5))
    assert_close(Clock(3).of(s), Potts(3, 1.5).of(s) + 0.5 * 40, **EXACT)


def test_a_clock_of_two_is_ising():
    s = drawn(Ising(), (3, 4, 2))
    assert_close(Clock(2).of(s), Ising().of(s), **EXACT)


def test_symmetries_of_the_lattice_keep_the_energy(rng):
    energy = Ising(1.0, 0.1, second=0.4)
    s = drawn(energy, (4, 4))
    for _ in range(5):
        turned = s.flatten(1)[:, energy.on((4, 4)).symmetry(rng)].view_as(s)
        assert_close(energy.of(turned), energy.of(s), **EXACT)


def test_the_disorder_is_a_function_of_seed_and_shape():
    first, again = EdwardsAnderson((4, 6), 7), EdwardsAnderson((4, 6), 7)
    assert torch.equal(first.couplings, again.couplings)
    assert not torch.equal(first.couplings, EdwardsAnderson((4, 6), 8).couplings)


def test_the_all_to_all_glass_counts_each_pair_once():
    energy = AllToAll((2, 3), 4)
    s = drawn(energy, (2, 3), 1)
    spin = (2 * s.double() - 1).flatten()
    pairs = itertools.combinations(range(6), 2)
    wanted = -sum(float(energy.couplings[x, y] * spin[x] * spin[y]) for x, y in pairs)
    assert float(energy.of(s)) == pytest.approx(wanted)


@pytest.mark.parametrize("energy", [EdwardsAnderson((6, 6), 1), AllToAll((6, 6), 1)])
def test_a_glass_asked_for_another_size_says_why_not(energy):
    message = "holds the disorder of shape=(6, 6) and was asked for (8, 8): another size is another"
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        energy.of(torch.zeros(1, 8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match="another size is another glass"):
        energy(torch.zeros(1, 2, 8, 8))


def test_one_hot_colours_with_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match="has 3 colours, got one-hot colours with 2 channels"):
        Potts(3)(torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize("colours", [1, 256])
@pytest.mark.parametrize("law", [Potts, Clock])
def test_a_number_of_colours_that_no_byte_tells_apart_is_refused(law, colours):
    with pytest.raises(ValueError, match=f"colours={colours} must be 2 to 255"):
        law(colours)


def test_every_pair_energy_groups_its_sites_without_a_bond_inside():
    for cls in ENERGIES:
        energy, shape = cls.tiny()
        if isinstance(energy, PairEnergy):
            lattice = energy.on(shape)
            for group in energy.sublattices(lattice):
                assert not set(energy.slots(lattice).sites[:, group].flatten().tolist()) & set(
                    group.tolist()
                )
