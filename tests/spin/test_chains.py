import math

import pytest
import torch
from torch.testing import assert_close

from zoo.spin.alternate import Alternate
from zoo.spin.autocorrelation import integrated_time
from zoo.spin.chains import Chains
from zoo.spin.heat_bath import HeatBath
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.metropolis import Metropolis
from zoo.spin.order import clock
from zoo.spin.potts import Potts
from zoo.spin.reference import reference
from zoo.spin.series import Series
from zoo.spin.swendsen_wang import SwendsenWang
from zoo.spin.tempering import Tempering
from zoo.spin.wolff import Wolff


def autoregressive(a: float, samples: int, chains: int, rng: torch.Generator) -> torch.Tensor:
    """x_t = a x_{t-1} + noise, stationary: its ρ(t) is a^t."""
    noise = torch.randn((samples, 1, chains), generator=rng, dtype=torch.float64)
    x = [noise[0] / math.sqrt(1 - a * a)]
    for step in noise[1:]:
        x.append(a * x[-1] + step)
    return torch.stack(x)


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9])
def test_the_time_of_an_autoregressive_process_is_known(a, rng):
    found = float(integrated_time(autoregressive(a, 4000, 40, rng)))
    assert found == pytest.approx(0.5 + a / (1 - a), rel=0.1)


def test_a_constant_series_has_the_shortest_time():
    series = torch.full((50, 2, 3), -1.9, dtype=torch.float64)
    assert integrated_time(series).tolist() == [0.5, 0.5]


def test_chains_caught_apart_show_as_a_long_time(rng):
    series = torch.randn((200, 1, 8), generator=rng, dtype=torch.float64)
    series[:, :, 4:] += 10
    assert float(integrated_time(series)) > 50


def test_magnetisation_of_ising_is_that_of_spins():
    s = torch.tensor([[[0, 0], [0, 1]], [[1, 1], [1, 1]]])
    assert clock(s, 2).tolist() == pytest.approx([0.5, 1.0])


def test_magnetisation_of_three_colours_is_the_length_of_the_mean_clock_hand():
    s = torch.tensor([[0, 1, 2], [0, 0, 1], [2, 2, 2]])
    assert clock(s, 3).tolist() == pytest.approx([0, math.sqrt(3) / 3, 1], abs=1e-12)


def test_half_of_the_chains_start_ordered_and_half_at_random(rng):
    chains = Chains(HeatBath(Ising(), [2.0], (6, 6)), 8, rng=rng)
    order = clock(chains.lattices()[0], 2)
    assert order[:4].tolist() == [1] * 4
    assert float(order[4:].max()) < 0.7


def test_thermalised_chains_have_a_measured_time_and_meet_kaufman(rng):
    chains = Chains(reference(Ising(), [1.0, 2.4], (6, 6)), 64, rng=rng)
    chains.thermalise()
    assert chains.times is not None
    assert 0.5 <= float(chains.times.max()) < 8
    energy = chains.record(24).energy.mean(0)
    error = energy.std(1) / 8
    assert ((energy.mean(1) - kaufman((6, 6), [1.0, 2.4]).energy).abs() < 4 * error).all()


def test_clusters_leave_stripes_where_a_heat_bath_sticks(rng):
    # rows up and down by halves: an energy barrier of a whole row of spins
    stripes = torch.zeros(1, 12, 12, 64, dtype=torch.uint8)
    stripes[:, :6] = 1
    order = {}
    for cls in (HeatBath, SwendsenWang):
        s = stripes.flatten(1, 2).clone()
        cls(Ising(), [0.6], (12, 12)).sweep(s, rng, 20)
        order[cls] = float(clock(s[0].T, 2).mean())
    assert order[HeatBath] < 0.2
    assert order[SwendsenWang] > 0.95


def test_draws_are_two_autocorrelation_times_apart(rng):
    chains = Chains(HeatBath(Ising(), [2.6, 4.0], (6, 6)), 64, rng=rng)
    chains.thermalise()
    assert chains.times is not None
    assert chains.spacing == math.ceil(2 * float(chains.times.max()))
    before = chains.sweeps
    draws = torch.stack(list(chains.draws(6)))
    assert draws.shape == (6, 2, 64, 6, 6)
    assert chains.sweeps - before == 6 * chains.spacing
    energy = Ising().of(draws[:, 0].flatten(0, 1)).view(6, 64)
    deviation = energy - energy.mean()
    assert abs(float((deviation[1:] * deviation[:-1]).mean() / deviation.var())) < 0.25


def test_chains_stuck_where_they_started_are_refused_with_their_time(rng):
    chains = Chains(HeatBath(Ising(), [0.4], (12, 12)), 32, rng=rng)
    with pytest.raises(ValueError, match="has not decorrelated: its measured autocorrelation"):
        chains.thermalise(limit=64)


def test_starts_that_disagree_are_refused(rng, monkeypatch):
    chains = Chains(HeatBath(Ising(), [2.0], (4, 4)), 64, rng=rng)

    def apart(samples: int) -> Series:
        x = torch.randn((samples, 1, 64), generator=rng, dtype=torch.float64)
        x[:, :, 32:] += 0.4  # less than a chain's own spread, but not by chance
        return Series(chains.dynamics.temperatures, x, x.abs(), 16, 2)

    monkeypatch.setattr(chains, "record", apart)
    with pytest.raises(ValueError, match="at temperature=2 chains that started ordered and at"):
        chains.thermalise(limit=256)


def test_a_series_too_short_names_what_is_needed(rng):
    x = autoregressive(0.95, 60, 4, rng)
    series = Series(torch.tensor([2.5], dtype=torch.float64), x, x, 16, 2, every=3)
    with pytest.raises(ValueError, match=r"at temperature=2.5 a chain of 60 samples has not"):
        series.require_decorrelated()


def test_drawing_before_thermalising_is_refused(rng):
    chains = Chains(HeatBath(Ising(), [2.0], (4, 4)), 8, rng=rng)
    with pytest.raises(ValueError, match="call thermalise"):
        next(chains.draws(1))


@pytest.mark.parametrize(("count", "start"), [(2, "half"), (0, "ordered")])
def test_too_few_chains_are_refused(count, start, rng):
    with pytest.raises(ValueError, match=f"count={count}, start='{start}'"):
        Chains(HeatBath(Ising(), [2.0], (4, 4)), count, rng=rng, start=start)


def test_the_reference_of_a_ferromagnet_has_clusters_and_with_a_field_exchanges():
    ferromagnet = reference(Ising(), [2.0, 3.0], (4, 4))
    assert isinstance(ferromagnet, Alternate)
    assert [type(part) for part in ferromagnet.parts] == [HeatBath, Wolff]
    assert isinstance(reference(Ising(1.0, 0.1), [2.0, 3.0], (4, 4)), Tempering)
    assert isinstance(reference(Ising(1.0, 0.1), [2.0], (4, 4)), HeatBath)


def test_the_reference_of_many_colours_needs_no_table():
    found = reference(Potts(60), [1.0], (4, 4))
    assert isinstance(found, Alternate)
    assert isinstance(found.parts[0], Metropolis)


def test_lattices_are_copies_in_the_lattices_shape(rng):
    chains = Chains(HeatBath(Ising(), [2.0, 3.0], (3, 5)), 8, rng=rng)
    copy = chains.lattices()
    assert_close(copy[1, 4].flatten(), chains.s[1, :, 4])
    copy.zero_()
    assert bool(chains.s.any())
