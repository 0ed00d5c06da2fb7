import math

import pytest
import torch

from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.parts.driven import driven
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.parts.net_metropolis import NetMetropolis
from zoo.models.parts.recurrent_metropolis import RecurrentMetropolis
from zoo.models.rnn import RNN
from zoo.spin.called_metropolis import CalledMetropolis
from zoo.spin.enumeration import Enumeration
from zoo.spin.tempering import Tempering
from zoo.spin.tile_metropolis import TileMetropolis


def rnn(colours=2, shape=(3, 3), **given):
    torch.manual_seed(1)
    model = RNN(spins(shape, colours, 4.0), **({"hidden": 6} | given))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.2 * torch.randn_like(parameter))
    return model


def lattices(dynamics, colours, chains, rng):
    shape = (len(dynamics.betas), dynamics.lattice.sites, chains)
    return torch.randint(colours, shape, generator=rng).to(torch.uint8)


@pytest.mark.parametrize(
    ("colours", "given"),
    [
        (2, {}),
        (2, {"symmetric": False, "direct": False}),
        (3, {"shape": (2, 3), "symmetric": False}),
        (3, {"shape": (2, 3), "order": "raster"}),
        (2, {"cell": "gru2d", "shape": (2, 3)}),
        (2, {"readout": "mean", "shape": (7,)}),
    ],
)
def test_chains_of_a_recurrence_have_the_exact_means(colours, given, rng):
    model, temperatures, chains = rnn(colours, **given), [2.0, 6.0], 150
    exact = Enumeration(LearnedEnergy(model), model.shape)
    dynamics = driven(model, temperatures)
    s = lattices(dynamics, colours, chains, rng)
    dynamics.sweep(s, rng, 8)
    found = []
    for _ in range(6):
        dynamics.sweep(s, rng, 2)
        found.append(dynamics.energy.chains(s, dynamics.lattice))
    means = torch.stack(found).mean(0)
    error = means.std(1) / math.sqrt(chains)
    want = exact.mean(exact.energies, temperatures)
    assert bool(((means.mean(1) - want).abs() < 4 * error).all())


@torch.no_grad()
def test_what_is_kept_of_a_recurrence_is_what_a_whole_pass_finds(rng):
    model = rnn(3, (3, 4)).double()
    dynamics = RecurrentMetropolis(model, [4.0])
    colours = torch.randint(3, (12, 20), generator=rng)
    trace, scale = dynamics.trace(colours.clone()), torch.ones(20, dtype=torch.float64)
    for place in [5, 0, 11, 3, 10, 1, 7, 0, 2]:
        dynamics._propose(trace, place, scale, rng)
    assert not torch.equal(trace.colours, colours)
    whole = dynamics.trace(trace.colours)
    for name in ("hot", "states", "direct", "raw", "each"):
        assert torch.allclose(getattr(trace, name), getattr(whole, name), rtol=1e-10), name


def test_the_dynamics_is_chosen_by_what_is_to_be_evaluated():
    ednn = EDNN(spins((6, 6), 2), hidden=(4,))
    assert isinstance(driven(ednn, [2.0]), TileMetropolis)
    assert isinstance(driven(ednn, [2.0], limit=1000), NetMetropolis)
    assert isinstance(driven(rnn(), [2.0]), RecurrentMetropolis)
    assert isinstance(driven(rnn(cell="gru2d"), [2.0]), CalledMetropolis)
    assert isinstance(driven(ednn, [2.0, 3.0], (8, 8)), Tempering)


def test_a_lattice_that_the_model_does_not_take_is_refused():
    with pytest.raises(ValueError, match="multiples of focus=2"):
        driven(EDNN(spins((6, 6), 2), hidden=(4,)), [2.0], (7, 7))
    with pytest.raises(ValueError, match=r"shape \(3, 3\), got \(4, 4\)"):
        driven(rnn(), [2.0], (4, 4))


def test_a_temperature_at_or_below_zero_is_refused():
    with pytest.raises(ValueError, match="temperature=-1 must be above 0"):
        driven(rnn(), [2.0, -1.0])


def test_a_recurrence_in_two_dimensions_keeps_no_states():
    with pytest.raises(ValueError, match="cell='gru2d' keeps states"):
        RecurrentMetropolis(rnn(cell="gru2d"), [2.0])
