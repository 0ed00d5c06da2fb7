import math

import pytest
import torch

from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.rnn import RNN
from zoo.plots.curves import against_reference
from zoo.spin.enumeration import Enumeration
from zoo.spin.measured import ladder

TEMPERATURES = [5.0, 2.0]


@pytest.fixture(scope="module")
def measured():
    torch.manual_seed(0)
    model = EDNN(spins((4, 4), 2, 4.0), focus=2, context=0, hidden=(8,))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    rng = torch.Generator().manual_seed(1)
    exact = Enumeration(LearnedEnergy(model), (4, 4))
    true = LearnedEnergy(model)
    return exact, *against_reference(model, true, TEMPERATURES, chains=64, sweeps=200, rng=rng)


@pytest.mark.parametrize("name", ["free_energy", "energy", "entropy", "heat_capacity"])
def test_observables_of_a_learned_energy_are_those_of_its_states(measured, name):
    exact, _, learned, _ = measured
    want = getattr(exact.thermodynamics(TEMPERATURES), name)
    value, error = learned[name]
    assert bool(((value - want).abs() < 4.5 * error).all()) and bool((error < 0.1).all())


def test_the_magnetisation_is_that_of_its_states(measured):
    exact, _, learned, reference = measured
    want = exact.magnetisation(TEMPERATURES)
    for value, error in (learned["magnetisation"], reference["magnetisation"]):
        assert bool(((value - want).abs() < 4.5 * error).all())


def test_the_free_energy_has_the_zero_of_the_model(measured):
    _, _, learned, _ = measured
    t = torch.tensor(TEMPERATURES, dtype=torch.float64)
    difference = learned["energy"].value - t * learned["entropy"].value
    assert bool(((learned["free_energy"].value - difference).abs() < 0.02).all())


def test_both_are_drawn(measured):
    assert measured[1][:4] == b"\x89PNG"


def test_a_ladder_goes_down_from_infinity_in_small_steps():
    rungs, rows = ladder(torch.tensor([4.0, 1.0, 2.5]))
    assert math.isinf(float(rungs[0])) and float(rungs[-1]) == 1.0
    assert float((1 / rungs).diff().max()) <= 0.1 + 1e-12
    assert rungs[rows].tolist() == pytest.approx([4.0, 1.0, 2.5], abs=1e-12)


@pytest.mark.parametrize(
    ("temperatures", "shape", "message"),
    [([0.0], (3, 3), "must be above 0"), ([2.0], (4, 4), "other sizes are an EDNN's")],
)
def test_what_cannot_be_measured_is_refused(temperatures, shape, message, rng):
    model = RNN(spins((3, 3), 2, 4.0), hidden=4)
    with pytest.raises(ValueError, match=message):
        model.observables(temperatures, shape, chains=8, sweeps=10, rng=rng)
