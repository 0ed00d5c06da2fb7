import math

import pytest
import torch

from zoo.metrics.energy_error import EnergyError
from zoo.metrics.free_energy_gap import FreeEnergyGap
from zoo.metrics.kullback_leibler import KullbackLeibler
from zoo.metrics.negative_log_likelihood import NegativeLogLikelihood
from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.rnn import RNN
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising

T = 3.0
EXACT = Enumeration(Ising(), (3, 3))
LN_P = EXACT.log_probabilities(T)
STATES = EXACT.states(0, 512)
LOG_Z = float(EXACT.log_partition(torch.tensor([1 / T], dtype=torch.float64)))


def rnn(shape=(3, 3)):
    torch.manual_seed(0)
    model = RNN(spins(shape, 2, T), hidden=6)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def batches(s, kind, sizes=None):
    told = {"kind": kind, "log_z": LOG_Z, "energy": Ising(), "weight": 1.0}
    found = []
    for seed, part in enumerate(s.split(sizes or len(s))):
        rows = {"s": part, "label": Ising().of(part), "beta": torch.full((len(part),), 1 / T)}
        found.append({**rows, **told, "seed": seed})
    return found


def measured(metric, model, parts):
    for batch in parts:
        metric.update(model, batch)
    return {name: float(value) for name, value in metric.compute().items()}


def thermal(count, rng):
    return STATES[LN_P.exp().multinomial(count, replacement=True, generator=rng)]


def test_kl_is_that_of_all_states(rng):
    model = rnn()
    want = float((LN_P.exp() * (LN_P - model.log_prob(STATES).double().detach())).sum())
    found = measured(KullbackLeibler(), model, batches(thermal(4000, rng), "thermal"))
    assert abs(found["kl"] - want) < 4 * found["kl_error"] < 0.2


def test_kl_is_the_cross_entropy_less_the_entropy(rng):
    model, s = rnn(), thermal(4000, rng)
    kl = measured(KullbackLeibler(), model, batches(s, "thermal"))["kl"]
    nll = measured(NegativeLogLikelihood(), model, batches(s, "thermal"))["nll"]
    entropy = float(EXACT.thermodynamics([T]).entropy)
    assert kl == pytest.approx(9 * (nll - entropy), abs=0.1)


def test_the_gap_is_the_divergence_of_p_from_the_model(rng):
    model = rnn()
    q = model.log_prob(STATES).double().detach()
    want = T / 9 * float((q.exp() * (q - LN_P)).sum())
    found = measured(FreeEnergyGap(), model, batches(thermal(4000, rng), "thermal", 500))
    assert abs(found["free_energy_gap"] - want) < 4 * found["free_energy_gap_error"] < 0.1


def test_the_energy_error_is_that_of_a_line_through_all_states():
    model = rnn()
    found = measured(EnergyError(), model, batches(STATES, "uniform", 100))
    learned = model.energy(STATES).double().detach()
    true = EXACT.energies - EXACT.energies.mean()
    learned = learned - learned.mean()
    assert found["energy_rmse"] == pytest.approx(float((learned - true).square().mean().sqrt()))
    slope = float((learned * true).mean() / true.square().mean())
    assert found["energy_slope"] == pytest.approx(slope, rel=1e-6)
    r = slope * float(true.square().mean().sqrt() / learned.square().mean().sqrt())
    assert found["energy_r"] == pytest.approx(r, rel=1e-6)


@pytest.mark.parametrize("cls", [KullbackLeibler, NegativeLogLikelihood, EnergyError])
def test_uneven_batches_give_what_one_gives(cls):
    kind, model = cls.kind, rnn()
    one = measured(cls(), model, batches(STATES, kind))
    assert measured(cls(), model, batches(STATES, kind, 150)) == pytest.approx(one, rel=1e-6)


def test_batches_of_the_other_kind_are_passed_over():
    metric, model = NegativeLogLikelihood(), rnn()
    parts = batches(STATES[:10], "thermal") + batches(STATES, "uniform")
    want = -float(model.log_prob(STATES[:10]).detach().mean()) / 9
    assert measured(metric, model, parts) == {"nll": pytest.approx(want)}
    assert metric.seen == {"nll": 10}


def test_uniform_spins_have_the_entropy_ln_2():
    class Fair(RNN):
        def log_probabilities(self, s):
            return s.new_full((len(s),), -9 * math.log(2))

    model = Fair(spins((3, 3), 2, T), hidden=2)
    assert measured(NegativeLogLikelihood(), model, batches(STATES, "thermal")) == {
        "nll": pytest.approx(math.log(2))
    }


def test_an_energy_model_has_no_likelihood():
    model = EDNN(spins((4, 4), 2, T), hidden=(4,))
    with pytest.raises(ValueError, match="measures a Sampler, got a EDNN"):
        NegativeLogLikelihood().update(model, batches(STATES, "thermal")[0])


def test_an_unknown_partition_function_is_said():
    batch = {**batches(STATES, "thermal")[0], "log_z": None}
    with pytest.raises(ValueError, match="is not known exactly"):
        KullbackLeibler().update(rnn(), batch)
